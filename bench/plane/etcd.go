// SPDX-License-Identifier: Apache-2.0

package plane

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// etcd is the store of a control plane, by its JSON gateway.
type etcd struct {
	url    string
	client *http.Client
}

// Compact has etcd forget all but the latest versions, as it does from time to
// time: watches that are behind have to start over.
func (p *Plane) Compact(ctx context.Context) error {
	var status struct {
		Header struct {
			Revision json.Number `json:"revision"`
		} `json:"header"`
	}
	if err := p.etcd.ask(ctx, "/v3/maintenance/status", map[string]any{}, &status); err != nil {
		return err
	}
	return p.etcd.ask(ctx, "/v3/kv/compaction", map[string]any{"revision": status.Header.Revision}, &struct{}{})
}

// pair is a key with its value; etcd's JSON gateway encodes both as base64, as
// Go does with bytes.
type pair struct {
	Key   []byte `json:"key"`
	Value []byte `json:"value"`
}

// rangePage is how many keys one request returns.
const rangePage = 500

// pairs returns what etcd keeps under keys that begin with prefix, which does not
// end in 0xff.
func (e etcd) pairs(ctx context.Context, prefix string) ([]pair, error) {
	end := []byte(prefix)
	end[len(end)-1]++
	var found []pair
	from := []byte(prefix)
	for {
		var answer struct {
			Pairs []pair `json:"kvs"`
			More  bool   `json:"more"`
		}
		question := map[string]any{"key": from, "range_end": end, "limit": rangePage}
		if err := e.ask(ctx, "/v3/kv/range", question, &answer); err != nil {
			return nil, err
		}
		found = append(found, answer.Pairs...)
		if !answer.More || len(answer.Pairs) == 0 {
			return found, nil
		}
		from = append(bytes.Clone(answer.Pairs[len(answer.Pairs)-1].Key), 0)
	}
}

// put writes all pairs in one transaction, of which etcd allows 128 operations and
// 1.5 MB. They get the same revision, which no API server must see happen: a watch
// goes on behind the last revision that it has seen.
func (e etcd) put(ctx context.Context, pairs []pair) error {
	type operation struct {
		Put pair `json:"request_put"`
	}
	operations := make([]operation, len(pairs))
	for i := range pairs {
		operations[i].Put = pairs[i]
	}
	return e.ask(ctx, "/v3/kv/txn", map[string]any{"success": operations}, &struct{}{})
}

// ask makes a request.
func (e etcd) ask(ctx context.Context, path string, question, answer any) error {
	body, err := json.Marshal(question)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, e.url+path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("etcd %s: %w", path, err)
	}
	response, err := e.client.Do(request)
	if err != nil {
		return fmt.Errorf("etcd %s: %w", path, err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		said, _ := io.ReadAll(io.LimitReader(response.Body, 300)) // the status says enough if that fails
		return fmt.Errorf("etcd %s: %s: %s", path, response.Status, bytes.TrimSpace(said))
	}
	if err := json.NewDecoder(response.Body).Decode(answer); err != nil {
		return fmt.Errorf("etcd %s: %w", path, err)
	}
	return nil
}
