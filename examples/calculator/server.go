// A calculator: go run server.go
package main

import (
	"log"
	"net"
	"net/rpc"
)

type Args struct {
	A, B int
}

type Calculator struct{}

func (c *Calculator) Add(args *Args, reply *int) error {
	*reply = args.A + args.B
	return nil
}

func main() {
	rpc.Register(new(Calculator))
	listener, err := net.Listen("tcp", "localhost:1234")
	if err != nil {
		log.Fatal("listening: ", err)
	}
	log.Println("listening on", listener.Addr())
	rpc.Accept(listener)
}
