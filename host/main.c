#include "process/process.h"

int main(int argument_count, char **arguments)
{
    return process_run(argument_count, arguments);
}
