// The service of tools/bench/rpc in Go. Prints the addresses where gob and JSON-RPC are spoken.
package main

import (
	"fmt"
	"log"
	"net"
	"net/rpc"
	"net/rpc/jsonrpc"
)

type Args struct {
	A, B int
}

type Calculator struct{}

func (*Calculator) Add(args *Args, reply *int) error {
	*reply = args.A + args.B
	return nil
}

func listen() net.Listener {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	return listener
}

func main() {
	rpc.Register(new(Calculator))
	gob, json := listen(), listen()
	fmt.Println(gob.Addr(), json.Addr())
	go rpc.Accept(gob)
	for {
		connection, err := json.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go jsonrpc.ServeConn(connection)
	}
}
