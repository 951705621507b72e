// SPDX-License-Identifier: Apache-2.0

// Command reposerve serves a folder, such as a Helm repository, on the loopback interface.
//
// Usage: go run ./hack/reposerve FOLDER ADDRESS
package main

import (
	"fmt"
	"net/http"
	"os"
	"time"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: reposerve FOLDER ADDRESS")
		os.Exit(2)
	}
	folder, address := os.Args[1], os.Args[2]
	fmt.Printf("serving %s; end with Ctrl-C\n\n  helm repo add spark-operator http://%s\n  helm repo update\n"+
		"  helm install spark-operator spark-operator/spark-operator --namespace spark-operator --create-namespace\n", folder, address)
	server := &http.Server{Addr: address, Handler: http.FileServer(http.Dir(folder)), ReadHeaderTimeout: 10 * time.Second}
	fmt.Fprintln(os.Stderr, server.ListenAndServe())
	os.Exit(1)
}
