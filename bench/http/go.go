// SPDX-License-Identifier: MIT
// A rival of the workload `http`: Go's net/http, as everybody uses it.
// Fair: it is the server that Go comes with; it adds a Date, which the others leave out.
package main

import (
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"syscall"
)

// As in page.hpp.
const page = "<!doctype html>\n<title>coir</title>\n<p>Hello from a fiber.</p>\n"

func servePage(answer http.ResponseWriter, asked *http.Request) {
	if asked.URL.Path != "/" {
		http.NotFound(answer, asked)
		return
	}
	answer.Header().Set("Server", "coir")
	answer.Header().Set("Content-Type", "text/html; charset=utf-8")
	io.WriteString(answer, page)
}

func main() {
	address := flag.String("address", "127.0.0.1", "numeric")
	port := flag.Int("port", 0, "0: any free one")
	workers := flag.Int("workers", 1, "GOMAXPROCS")
	flag.Parse()
	runtime.GOMAXPROCS(*workers)

	listener, err := net.Listen("tcp", net.JoinHostPort(*address, fmt.Sprint(*port)))
	if err != nil {
		fmt.Fprintln(os.Stderr, "http_go:", err)
		os.Exit(1)
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGINT, syscall.SIGTERM)
	fmt.Printf("listening on %s\n", listener.Addr())
	go http.Serve(listener, http.HandlerFunc(servePage))
	<-stop
}
