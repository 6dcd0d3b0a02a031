// The same programs as tools/bench/services/concurrency, in Go: prints nanoseconds for each thing done, or bytes.
package main

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"time"
)

const (
	count       = 1000000
	taskCount   = 100000
	parkedCount = 1000000
)

func measure(n int, run func()) float64 {
	started := time.Now()
	run()
	return float64(time.Since(started).Nanoseconds()) / float64(n)
}

func pingPong() float64 {
	there, back := make(chan int), make(chan int)
	go func() {
		for value := range there {
			back <- value
		}
	}()
	defer close(there)
	return measure(count, func() {
		for i := 0; i < count; i++ {
			there <- i
			<-back
		}
	})
}

func buffer(capacity int) float64 {
	channel := make(chan int, capacity)
	return measure(count, func() {
		go func() {
			for i := 0; i < count; i++ {
				channel <- i
			}
			close(channel)
		}()
		for range channel {
		}
	})
}

func selectOfFour() float64 {
	var channels [4]chan int
	for i := range channels {
		channels[i] = make(chan int, 1)
	}
	return measure(count, func() {
		for i := 0; i < count; i++ {
			channels[2] <- i
			select {
			case <-channels[0]:
			case <-channels[1]:
			case <-channels[2]:
			case <-channels[3]:
			}
		}
	})
}

func mutex() float64 {
	var lock sync.Mutex
	return measure(count, func() {
		for i := 0; i < count; i++ {
			lock.Lock()
			lock.Unlock()
		}
	})
}

func mutexOfThousand() float64 {
	var lock sync.Mutex
	var group sync.WaitGroup
	total := 0
	return measure(count, func() {
		for i := 0; i < 1000; i++ {
			group.Add(1)
			go func() {
				defer group.Done()
				for i := 0; i < count/1000; i++ {
					lock.Lock()
					total++
					lock.Unlock()
				}
			}()
		}
		group.Wait()
	})
}

func spawnAndJoin() float64 {
	var group sync.WaitGroup
	return measure(taskCount, func() {
		group.Add(taskCount)
		for i := 0; i < taskCount; i++ {
			go group.Done()
		}
		group.Wait()
	})
}

func parked() float64 {
	var before, after runtime.MemStats
	channel := make(chan int)
	runtime.ReadMemStats(&before)
	for i := 0; i < parkedCount; i++ {
		go func() { <-channel }()
	}
	runtime.Gosched()
	runtime.ReadMemStats(&after)
	close(channel)
	return float64(after.Sys-before.Sys) / parkedCount
}

func main() {
	programs := map[string]func() float64{
		"ping_pong":        pingPong,
		"buffer_128":       func() float64 { return buffer(128) },
		"buffer_1024":      func() float64 { return buffer(1024) },
		"select":           selectOfFour,
		"mutex":            mutex,
		"mutex_1000_tasks": mutexOfThousand,
		"spawn_and_join":   spawnAndJoin,
		"parked":           parked,
	}
	runtime.GOMAXPROCS(1)
	fmt.Printf("%.1f\n", programs[os.Args[1]]())
}
