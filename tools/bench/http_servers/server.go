// The routes of tools/bench/http in Go: server DIRECTORY. Prints its address.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
)

var words = map[string]string{"en": "Hello", "de": "Hallo", "fr": "Bonjour"}

func send(w http.ResponseWriter, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.Write(body)
}

func sendJSON(w http.ResponseWriter, value interface{}) {
	body, err := json.Marshal(value)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	send(w, "application/json", body)
}

func greet(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, "/greet/")
	lang := r.URL.Query().Get("lang")
	if lang == "" {
		lang = "en"
	}
	sendJSON(w, struct {
		Greeting string `json:"greeting"`
	}{words[lang] + ", " + name + ", says " + r.Header.Get("X-Client")})
}

func upload(w http.ResponseWriter, r *http.Request) {
	buffer := make([]byte, 65536)
	size := 0
	for {
		count, err := r.Body.Read(buffer)
		size += count
		if err == io.EOF {
			break
		} else if err != nil {
			return
		}
	}
	send(w, "text/plain; charset=utf-8", []byte(strconv.Itoa(size)))
}

func main() {
	http.HandleFunc("/text", func(w http.ResponseWriter, r *http.Request) {
		send(w, "text/plain; charset=utf-8", []byte("Hello, world!"))
	})
	http.HandleFunc("/json", func(w http.ResponseWriter, r *http.Request) {
		sendJSON(w, struct {
			Message string `json:"message"`
		}{"Hello, world!"})
	})
	http.HandleFunc("/greet/", greet)
	http.HandleFunc("/upload", upload)
	http.Handle("/files/", http.StripPrefix("/files/", http.FileServer(http.Dir(os.Args[1]))))

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(listener.Addr())
	http.Serve(listener, nil)
}
