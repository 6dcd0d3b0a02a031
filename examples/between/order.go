// Asks a shop what orders cost: go run order.go
package main

import (
	"fmt"
	"log"
	"net/rpc"
)

type Item struct {
	SKU   string
	Count int
}

type Order struct {
	Customer string
	Items    []Item
}

type Bill struct {
	Customer string
	Cents    int
}

func ask(shop *rpc.Client, order Order) {
	var bill Bill
	if err := shop.Call("Shop.Total", order, &bill); err != nil {
		fmt.Println("no bill:", err)
		return
	}
	fmt.Printf("%s pays %d.%02d\n", bill.Customer, bill.Cents/100, bill.Cents%100)
}

func main() {
	shop, err := rpc.Dial("tcp", "localhost:1234")
	if err != nil {
		log.Fatal("dialing: ", err)
	}
	ask(shop, Order{"Ann", []Item{{"apple", 4}, {"bread", 2}}})
	ask(shop, Order{"Bob", []Item{{"apple", 1}, {"anchor", 1}}})
}
