// SPDX-License-Identifier: Apache-2.0

package scenario

import "testing"

func TestMiscounted(t *testing.T) {
	for _, c := range []struct{ counted, happened, inDoubt, want float64 }{
		{10, 10, 0, 0},
		{10, 10, 3, 0}, // none of the three was carried out
		{7, 10, 3, 0},
		{8, 10, 3, 0},
		{6, 10, 3, -1},
		{9, 10, 0, -1},
		{11, 10, 3, 1}, // doubt never adds
	} {
		if got := miscounted(c.counted, c.happened, c.inDoubt); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}
