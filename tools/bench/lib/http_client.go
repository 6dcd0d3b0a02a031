// The same as lib/http_client.lua in Go. Arguments: URL, count. Prints requests a second, and the seconds of
// processor time of it all.
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"
)

const tasks = 64

func ask(client *http.Client, url string, count int) {
	for i := 0; i < count; i++ {
		response, err := client.Get(url)
		if err != nil {
			panic(err)
		}
		io.ReadAll(response.Body)
		response.Body.Close()
	}
}

func main() {
	count, _ := strconv.Atoi(os.Args[2])
	client := &http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{
		MaxConnsPerHost: tasks, MaxIdleConnsPerHost: tasks, DisableCompression: true}}
	var group sync.WaitGroup
	began := time.Now()
	for i := 0; i < tasks; i++ {
		group.Add(1)
		go func() {
			ask(client, os.Args[1], count/tasks)
			group.Done()
		}()
	}
	group.Wait()
	rate := float64(count) / time.Since(began).Seconds()
	var used syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &used)
	seconds := float64(used.Utime.Nano()+used.Stime.Nano()) / 1e9
	fmt.Printf("%.0f %.3f\n", rate, seconds)
}
