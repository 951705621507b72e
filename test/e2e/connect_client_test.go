// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"

	"k8s.io/apimachinery/pkg/util/uuid"
)

// Fields of the messages of Spark Connect, as its base.proto and relations.proto number them.
const (
	requestSession, requestUser, requestPlan = 1, 2, 3
	userID, planRoot, relationSQL, sqlQuery  = 1, 1, 10, 1
)

// runQuery runs a query as clients of Spark Connect do, in a session of its own. Real
// clients are large: the one of Python takes 400 MB of packages.
func runQuery(ctx context.Context, address, query string) error {
	field := func(number byte, value []byte) []byte { // of Protocol Buffers, with a length
		return append(binary.AppendUvarint([]byte{number<<3 | 2}, uint64(len(value))), value...)
	}
	request := field(requestSession, []byte(uuid.NewUUID()))
	request = append(request, field(requestUser, field(userID, []byte("e2e")))...)
	request = append(request, field(requestPlan, field(planRoot, field(relationSQL, field(sqlQuery, []byte(query)))))...)
	return call(ctx, address, "/spark.connect.SparkConnectService/ExecutePlan", request)
}

// call makes a gRPC call without TLS, and returns how it ended.
func call(ctx context.Context, address, method string, message []byte) error {
	protocols := &http.Protocols{}
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: protocols}
	defer transport.CloseIdleConnections()
	body := []byte{0} // not compressed
	body = binary.BigEndian.AppendUint32(body, uint32(len(message)))
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+method, bytes.NewReader(append(body, message...)))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/grpc")
	request.Header.Set("Te", "trailers")
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return err
	}
	end := response.Trailer
	if len(end) == 0 { // nothing came before the end
		end = response.Header
	}
	if status := end.Get("Grpc-Status"); status != "0" {
		return fmt.Errorf("%s: gRPC status %q: %s", method, status, end.Get("Grpc-Message"))
	}
	return nil
}
