// SPDX-License-Identifier: Apache-2.0

package monitoring

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// configMapName is <application>-prom-conf.
func configMapName(app *v1beta2.SparkApplication) string {
	return app.Name + "-prom-conf"
}

// volumeName is that of the ConfigMap and "-vol". Where this is no DNS label,
// because the application's name is too long or has dots, the name is cut and
// followed by the start of its SHA-256 sum, which keeps it apart from the user's
// volumes.
func volumeName(app *v1beta2.SparkApplication) string {
	const suffix = "-prom-conf-vol"
	preferred := app.Name + suffix
	if len(preferred) <= validation.DNS1123LabelMaxLength && len(validation.IsDNS1123Label(preferred)) == 0 {
		return preferred
	}
	sum := sha256.Sum256([]byte(preferred))
	hash := hex.EncodeToString(sum[:4])
	kept := min(len(app.Name), validation.DNS1123LabelMaxLength-len("-")-len(hash)-len(suffix))
	return strings.ReplaceAll(app.Name[:kept], ".", "-") + "-" + hash + suffix
}
