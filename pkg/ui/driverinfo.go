// SPDX-License-Identifier: Apache-2.0

package ui

import (
	"net"
	"strconv"

	corev1 "k8s.io/api/core/v1"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// SetDriverInfo writes where the web UI is found into the web UI fields of info
// and leaves the others alone. Live is the Service as the API server returned
// it, with its cluster IP; nil clears the fields of the Service. The fields of the
// Ingress or the HTTPRoute are set if isRouted, that is, once that of web exists.
func SetDriverInfo(info *v1beta2.DriverInfo, web *Endpoint, live *corev1.Service, isRouted bool) {
	info.WebUIServiceName, info.WebUIPort, info.WebUIAddress = "", 0, ""
	if live != nil && len(live.Spec.Ports) > 0 {
		info.WebUIServiceName = live.Name
		info.WebUIPort = live.Spec.Ports[0].Port
		if ip := live.Spec.ClusterIP; ip != "" && ip != corev1.ClusterIPNone {
			info.WebUIAddress = net.JoinHostPort(ip, strconv.Itoa(int(info.WebUIPort)))
		}
	}
	info.WebUIIngressName, info.WebUIRouteName, info.WebUIIngressAddress = "", "", ""
	if !isRouted || web == nil {
		return
	}
	info.WebUIIngressAddress = web.URL
	if web.Ingress != nil {
		info.WebUIIngressName = web.Ingress.Name
	}
	if web.Route != nil {
		info.WebUIRouteName = web.Route.GetName()
	}
}
