// What tools/bench/lib/codecs.lua measures, in Go: nanoseconds to encode and to decode one message.
package main

import (
	"bytes"
	"encoding/gob"
	"fmt"
	"syscall"
)

type Args struct{ A, B int }

type Item struct {
	SKU   string
	Count uint
	Price float64
}

type Order struct {
	ID    int
	Note  string
	Total float64
	Paid  bool
	Tags  []string
	Items []Item
	Stock map[string]int
}

const count = 200000

// Processor time of the whole process, the collector's included, as os.clock gives it in Lua.
func clock() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return float64(usage.Utime.Nano() + usage.Stime.Nano())
}

func measure(name string, value func(i int) any, target func() any) {
	var stream bytes.Buffer
	encoder := gob.NewEncoder(&stream)
	decoder := gob.NewDecoder(&stream)
	if err := encoder.Encode(value(0)); err != nil {
		panic(err)
	}
	if err := decoder.Decode(target()); err != nil {
		panic(err)
	}
	started := clock()
	for i := 0; i < count; i++ {
		if err := encoder.Encode(value(i)); err != nil {
			panic(err)
		}
	}
	encoded := clock()
	for i := 0; i < count; i++ {
		if err := decoder.Decode(target()); err != nil {
			panic(err)
		}
	}
	fmt.Printf("%s_encode %.1f\n", name, (encoded-started)/count)
	fmt.Printf("%s_decode %.1f\n", name, (clock()-encoded)/count)
}

func main() {
	measure("args", func(i int) any { return &Args{i % 1000, i % 30} }, func() any { return new(Args) })
	measure("order", func(i int) any {
		return &Order{i, "to the back door", float64(i) / 4, true, []string{"new", "gift"},
			[]Item{{"x-1", 2, 9.5}, {"x-2", 1, 0.1}}, map[string]int{"x-1": 7, "x-2": i % 100}}
	}, func() any { return new(Order) })
}
