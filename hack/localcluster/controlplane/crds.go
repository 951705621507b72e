// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/spark-operator/spark-operator/hack/localcluster/kubeapi"
)

const crdCollection = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"

// createCRDs creates the definitions found at the paths and waits until the server serves all of them.
func createCRDs(ctx context.Context, client *kubeapi.Client, paths []string) error {
	for _, path := range paths {
		files, err := manifestFiles(path)
		if err != nil {
			return fmt.Errorf("custom resource definitions: %w", err)
		}
		for _, file := range files {
			content, err := os.ReadFile(file)
			if err != nil {
				return fmt.Errorf("custom resource definitions: %w", err)
			}
			for _, document := range definitions(content) {
				if err := client.Create(ctx, crdCollection, "application/yaml", document); err != nil {
					return fmt.Errorf("create the definitions of %s: %w", file, err)
				}
			}
		}
	}
	if len(paths) == 0 {
		return nil
	}
	return kubeapi.WaitUntil(ctx, 50*time.Millisecond, nil, func(ctx context.Context) error {
		return allEstablished(ctx, client)
	})
}

// manifestFiles returns the manifests directly inside a folder, or the path itself if it is a file.
func manifestFiles(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	var files []string
	for _, pattern := range []string{"*.json", "*.yaml", "*.yml"} {
		matches, err := filepath.Glob(filepath.Join(path, pattern))
		if err != nil {
			return nil, err
		}
		files = append(files, matches...)
	}
	return files, nil
}

// definitions returns the YAML documents of a manifest (JSON is YAML) that define custom resources; other objects, such
// as a kustomization, may lie in the same folder.
func definitions(manifest []byte) [][]byte {
	separator := regexp.MustCompile(`(?m)^---(?:[ \t].*)?$`)
	kind := regexp.MustCompile(`(?:^|[\s{,])"?kind"?\s*:\s*"?CustomResourceDefinition\b`)
	var found [][]byte
	for _, document := range separator.Split(string(manifest), -1) {
		if kind.MatchString(document) {
			found = append(found, []byte(strings.TrimSpace(document)))
		}
	}
	return found
}

func allEstablished(ctx context.Context, client *kubeapi.Client) error {
	var list struct {
		Items []struct {
			Metadata struct {
				Name string `json:"name"`
			} `json:"metadata"`
			Status struct {
				Conditions []struct {
					Type, Status, Message string
				} `json:"conditions"`
			} `json:"status"`
		} `json:"items"`
	}
	if err := client.Get(ctx, crdCollection, &list); err != nil {
		return err
	}
	for _, definition := range list.Items {
		established, problem := false, ""
		for _, condition := range definition.Status.Conditions {
			switch {
			case condition.Type == "Established" && condition.Status == "True":
				established = true
			case condition.Type == "NamesAccepted" && condition.Status == "False":
				problem = ": " + condition.Message
			}
		}
		if !established {
			return fmt.Errorf("definition %s is not established%s", definition.Metadata.Name, problem)
		}
	}
	return nil
}
