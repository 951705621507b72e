// SPDX-License-Identifier: Apache-2.0

package podspec

// index says where in a list the first entry of a merge key is. Lists of a spec
// may have tens of thousands of entries: no list is searched entry by entry. It is
// made from the list when it is first asked, since most pods need none.
type index[K comparable] map[K]int

// of returns the index of a list of n entries.
func (x *index[K]) of(n int, key func(int) K) index[K] {
	if *x == nil {
		made := make(index[K], n)
		for i := range n {
			if _, taken := made[key(i)]; !taken {
				made[key(i)] = i
			}
		}
		*x = made
	}
	return *x
}
