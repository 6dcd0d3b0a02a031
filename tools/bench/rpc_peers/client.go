// Calls Calculator.Add as often as it can: client CODEC ADDRESS CONNECTIONS CALLERS MILLISECONDS.
// So many callers share each connection; each makes its next call when the last was answered.
package main

import (
	"fmt"
	"log"
	"net/rpc"
	"net/rpc/jsonrpc"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

type Args struct {
	A, B int
}

var dialers = map[string]func(network, address string) (*rpc.Client, error){
	"gob":  rpc.Dial,
	"json": jsonrpc.Dial,
}

var isOver int32

func number(text string) int {
	value, err := strconv.Atoi(text)
	if err != nil {
		log.Fatal(err)
	}
	return value
}

// Returns how many calls were answered; whatever is no right answer ends the program.
func call(client *rpc.Client, caller int) int {
	calls := 0
	for atomic.LoadInt32(&isOver) == 0 {
		var sum int
		err := client.Call("Calculator.Add", &Args{caller, calls}, &sum)
		if err != nil || sum != caller+calls {
			log.Fatalf("%d + %d was answered: %d, %v", caller, calls, sum, err)
		}
		calls++
	}
	return calls
}

func main() {
	log.SetFlags(0)
	codec, address := os.Args[1], os.Args[2]
	connections, callers, duration := number(os.Args[3]), number(os.Args[4]), number(os.Args[5])

	var group sync.WaitGroup
	var total int64
	started := time.Now()
	for i := 0; i < connections; i++ {
		client, err := dialers[codec]("tcp", address)
		if err != nil {
			log.Fatal(err)
		}
		for j := 0; j < callers; j++ {
			group.Add(1)
			go func(caller int) {
				defer group.Done()
				atomic.AddInt64(&total, int64(call(client, caller)))
			}(j + 1)
		}
	}
	time.Sleep(time.Duration(duration) * time.Millisecond)
	atomic.StoreInt32(&isOver, 1)
	group.Wait()
	fmt.Println("calls", total, "seconds", time.Since(started).Seconds())
}
