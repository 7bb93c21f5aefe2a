package doctor

import (
	"fmt"
	"syscall"
)

// roomIn is how many bytes are free below a folder for who is not root.
func roomIn(folder string) (uint64, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(folder, &s); err != nil {
		return 0, fmt.Errorf("look for room in %s: %w", folder, err)
	}
	return uint64(s.Bavail) * uint64(s.Bsize), nil
}
