// Command coredns is CoreDNS with the plugins that a cluster's DNS is made of; the clouds' ones would take minutes more
// to build.
package main

import (
	_ "github.com/coredns/coredns/plugin/cache"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/health"
	_ "github.com/coredns/coredns/plugin/kubernetes"
	_ "github.com/coredns/coredns/plugin/metrics"
	_ "github.com/coredns/coredns/plugin/ready"
	_ "github.com/coredns/coredns/plugin/template"

	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/coremain"
)

func main() {
	// the order in which a query passes through them
	dnsserver.Directives = []string{"ready", "health", "prometheus", "errors", "cache", "template", "kubernetes"}
	coremain.Run()
}
