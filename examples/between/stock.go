// Knows what things cost: go run stock.go
package main

import (
	"errors"
	"log"
	"net"
	"net/rpc"
)

var prices = map[string]int{"apple": 120, "bread": 380}

type Stock struct{}

func (s *Stock) Price(sku string, cents *int) error {
	price, ok := prices[sku]
	if !ok {
		return errors.New("not in stock")
	}
	*cents = price
	return nil
}

func main() {
	rpc.Register(new(Stock))
	listener, err := net.Listen("tcp", "localhost:1235")
	if err != nil {
		log.Fatal("listening: ", err)
	}
	log.Println("listening on", listener.Addr())
	rpc.Accept(listener)
}
