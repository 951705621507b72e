// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"context"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"gocloud.dev/blob"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/podview"
)

// Bucket is where logs go.
type Bucket struct {
	*blob.Bucket
	base   string // of the URLs, with a slash at its end
	folder string // of the objects, if they are files
}

// OpenBucket opens the bucket with a URL of gocloud.dev/blob, such as
// s3://bucket?region=eu-west-1&prefix=logs/. Public is the beginning of the URL under which
// users find the objects; if empty, the URL is that of the bucket without its parameters.
// It sends no request.
func OpenBucket(ctx context.Context, address, public string) (*Bucket, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, errors.New("the URL of the bucket cannot be parsed: use SCHEME://BUCKET?PARAMETERS") // without the URL, which may contain credentials
	}
	if u.Scheme == "" {
		return nil, errors.New("the URL of the bucket has no scheme: use s3://, gs://, azblob:// or file://")
	}
	query := u.Query()
	prefix, folder := query.Get("prefix"), ""
	if u.Scheme == "file" {
		folder = u.Host + u.Path + "/" + prefix
		// Renaming a file makes it visible at once only within one file system. The
		// attributes of a file are of no use here.
		setDefault(query, "no_tmp_dir", "true")
		setDefault(query, "create_dir", "true")
		setDefault(query, "metadata", "skip")
		u.RawQuery = query.Encode()
	}
	base := public
	if base == "" {
		base = u.Scheme + "://" + u.Host + strings.TrimSuffix(u.EscapedPath(), "/") + "/" + prefix
	} else if p, err := url.Parse(public); err != nil || p.Scheme != "http" && p.Scheme != "https" || p.Host == "" {
		return nil, errors.New("the public URL must begin with http:// or https:// and a host")
	} else {
		base = strings.TrimSuffix(public, "/") + "/"
	}
	bucket, err := blob.OpenBucket(ctx, u.String())
	if err != nil {
		// User and parameters may contain credentials.
		return nil, errors.New("open bucket: " + strings.ReplaceAll(err.Error(), u.String(), u.Scheme+"://"+u.Host))
	}
	return &Bucket{Bucket: bucket, base: base, folder: folder}, nil
}

// removeStale deletes the files that a process which was killed had begun for an object.
// They would fill the volume. One process copies a log at a time.
func (b *Bucket) removeStale(key string) error {
	if b.folder == "" {
		return nil // an upload that is not completed is no object; the bucket expires it
	}
	begun := b.folder + key + "."
	entries, err := os.ReadDir(filepath.Dir(begun))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var errs []error
	for _, entry := range entries {
		if name := filepath.Join(filepath.Dir(begun), entry.Name()); strings.HasPrefix(name, filepath.Clean(begun)) && strings.HasSuffix(name, ".tmp") {
			errs = append(errs, os.Remove(name))
		}
	}
	return errors.Join(append(errs, err)...)
}

func setDefault(query url.Values, key, value string) {
	if !query.Has(key) {
		query.Set(key, value)
	}
}

// partSize is how much of an object is in one request. Buckets with the S3 API take no smaller
// parts.
const partSize = 5 << 20

// create begins an object, which appears when the writer is closed. It holds two parts in memory.
func (b *Bucket) create(ctx context.Context, key string) (*blob.Writer, error) {
	return b.NewWriter(ctx, key, &blob.WriterOptions{
		BufferSize: partSize, MaxConcurrency: 1, ContentType: "application/gzip", BeforeWrite: b.useParts,
	})
}

// useParts lets the client of S3 begin with the first part. By default, it holds 16 MiB of each
// object, and copies of them, before it sends anything.
func (b *Bucket) useParts(as func(any) bool) error {
	var client *s3.Client
	var manager *transfermanager.Client
	if b.As(&client) && as(&manager) {
		*manager = *transfermanager.New(client, func(o *transfermanager.Options) {
			o.PartSizeBytes, o.MultipartUploadThreshold, o.Concurrency = partSize, partSize, 1
			o.RequestChecksumCalculation = client.Options().RequestChecksumCalculation
		})
	}
	return nil
}

// URL is where the object with a key is found.
func (b *Bucket) URL(key string) string { return b.base + key }

// Key is the key of the log of a pod: NAMESPACE/APPLICATION/SUBMISSION-ID/ROLE.log.gz. The
// parts are names and label values of Kubernetes, which contain no slash.
func Key(pod *podview.Pod) string {
	role := v1beta2.SparkRoleDriver
	if pod.Labels.Role != v1beta2.SparkRoleDriver {
		role = v1beta2.SparkRoleExecutor + "-" + pod.Labels.ExecutorID
		if pod.Labels.ExecutorID == "" {
			role = pod.Name
		}
	}
	return path.Join(pod.Namespace, pod.Labels.AppName, pod.Labels.SubmissionID, role+".log.gz")
}
