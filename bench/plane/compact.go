// SPDX-License-Identifier: Apache-2.0

package plane

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
)

// Compact has etcd forget all but the latest versions, as it does from time to
// time: watches that are behind have to start over.
func (p *Plane) Compact(ctx context.Context) error {
	var status struct {
		Header struct {
			Revision json.Number `json:"revision"`
		} `json:"header"`
	}
	if err := p.askEtcd(ctx, "/v3/maintenance/status", map[string]any{}, &status); err != nil {
		return err
	}
	return p.askEtcd(ctx, "/v3/kv/compaction", map[string]any{"revision": status.Header.Revision}, &struct{}{})
}

// askEtcd makes a request to etcd's JSON gateway.
func (p *Plane) askEtcd(ctx context.Context, path string, question, answer any) error {
	body, err := json.Marshal(question)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.env.EtcdURL()+path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("etcd %s: %w", path, err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("etcd %s: %w", path, err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("etcd %s: %s", path, response.Status)
	}
	return json.NewDecoder(response.Body).Decode(answer)
}
