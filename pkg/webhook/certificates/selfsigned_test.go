// SPDX-License-Identifier: Apache-2.0

package certificates

import (
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/utils/clock"
)

func TestSelfSignedCertificateIsRenewedInMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := NewSelfSigned(clock.RealClock{}, "localhost")
		if err != nil {
			t.Fatal(err)
		}
		first, err := s.Certificate()
		if err != nil {
			t.Fatal(err)
		}
		if err := first.Leaf.VerifyHostname("localhost"); err != nil {
			t.Error(err)
		}
		go s.Run(t.Context())
		time.Sleep(serverLife - serverLeft - time.Hour)
		if now, _ := s.Certificate(); now != first {
			t.Error("renewed too early")
		}
		time.Sleep(2 * time.Hour)
		now, err := s.Certificate()
		if err != nil || now == first || !now.Leaf.NotAfter.After(first.Leaf.NotAfter) {
			t.Errorf("not renewed: %v, valid until %v", err, now.Leaf.NotAfter)
		}
	})
}
