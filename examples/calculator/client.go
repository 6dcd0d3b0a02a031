// Calls a calculator: go run client.go
package main

import (
	"fmt"
	"log"
	"net/rpc"
)

type Args struct {
	A, B int
}

func main() {
	client, err := rpc.Dial("tcp", "localhost:1234")
	if err != nil {
		log.Fatal("dialing: ", err)
	}
	args := &Args{10, 5}
	var reply int
	err = client.Call("Calculator.Add", args, &reply)
	if err != nil {
		log.Fatal("calculator: ", err)
	}
	fmt.Printf("Result: %d\n", reply)
}
