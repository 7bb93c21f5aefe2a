// Command release makes what goes with built programs: a container image (an OCI layout from scratch, without a container engine) and the
// list of what is linked into them. Both are byte for byte the same whenever the programs are.
//
//	release image -out dist/rollback-agent.oci -created 1767225600 amd64=dist/linux_amd64 arm64=dist/linux_arm64
//	release sbom dist/linux_amd64/rollback-agent
package main

import (
	"archive/tar"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// nobody is the user of the image: one that owns nothing, as in the distroless images.
const nobody = "65532:65532"

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

const usage = `release image -out FOLDER [-roots FILE] [-created SECONDS] [-version V] ARCH=FOLDER...
release sbom [-version V] PROGRAM`

func run(args []string) error {
	if len(args) == 0 {
		return errors.New(usage)
	}
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	out := flags.String("out", "", "folder of the OCI layout; it must not exist")
	roots := flags.String("roots", "/etc/ssl/certs/ca-certificates.crt", "certificates of authorities that the agent trusts")
	created := flags.Int64("created", 0, "the image's date, in seconds since the epoch")
	version := flags.String("version", "", "what was built")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	switch {
	case args[0] == "image":
		return pack(*out, flags.Args(), recipe{roots: *roots, created: time.Unix(*created, 0).UTC(), version: *version})
	case args[0] == "sbom" && flags.NArg() == 1:
		return sbom(os.Stdout, flags.Arg(0), *version)
	}
	return errors.New(usage)
}

// recipe is what every platform's image has in common.
type recipe struct {
	roots, version string
	created        time.Time
}

// pack writes one index with an image for each ARCH=FOLDER.
func pack(out string, platforms []string, r recipe) error {
	if _, err := os.Stat(out); err == nil || out == "" {
		return fmt.Errorf("write %q: name a folder that does not exist", out)
	}
	var index v1.ImageIndex = mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, p := range platforms {
		arch, folder, _ := strings.Cut(p, "=")
		image, err := r.image(arch, folder)
		if err != nil {
			return fmt.Errorf("pack %s: %w", p, err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: image,
			Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}}})
	}
	if _, err := layout.Write(out, index); err != nil {
		return fmt.Errorf("write %s: %w", out, err)
	}
	return nil
}

func (r recipe) image(arch, folder string) (v1.Image, error) {
	content, err := r.layer(folder)
	if err != nil {
		return nil, err
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil },
		tarball.WithMediaType(types.OCILayer))
	if err != nil {
		return nil, err
	}
	base := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	image, err := mutate.AppendLayers(base, layer)
	if err != nil {
		return nil, err
	}
	file, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	file = file.DeepCopy()
	file.OS, file.Architecture, file.Created = "linux", arch, v1.Time{Time: r.created}
	file.Config = v1.Config{User: nobody, Entrypoint: []string{"/rollback-agent"}, WorkingDir: "/", ExposedPorts: map[string]struct{}{"9798/tcp": {}},
		Cmd: []string{"serve", "--config.file=/etc/rollback-agent/agent.yaml", "--web.listen-address=:9798"},
		Labels: map[string]string{"org.opencontainers.image.source": "https://github.com/coclai/cutover", "org.opencontainers.image.version": r.version,
			"org.opencontainers.image.licenses": "Apache-2.0"}}
	return mutate.ConfigFile(image, file)
}

// layer holds the agent, whom it trusts, and the folders that it is given; /tmp for what a gate checks out.
func (r recipe) layer(folder string) ([]byte, error) {
	var content bytes.Buffer
	w := tar.NewWriter(&content)
	for _, d := range []struct {
		name string
		mode int64
	}{{"etc/", 0o755}, {"etc/rollback-agent/", 0o755}, {"etc/ssl/", 0o755}, {"etc/ssl/certs/", 0o755}, {"tmp/", 0o1777}, {"var/", 0o755}, {"var/lib/", 0o755}} {
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: d.name, Mode: d.mode, ModTime: r.created}); err != nil {
			return nil, err
		}
	}
	own := &tar.Header{Typeflag: tar.TypeDir, Name: "var/lib/rollback-agent/", Mode: 0o700, Uid: 65532, Gid: 65532, ModTime: r.created}
	if err := w.WriteHeader(own); err != nil {
		return nil, err
	}
	for _, f := range []struct {
		name, from string
		mode       int64
	}{{"etc/ssl/certs/ca-certificates.crt", r.roots, 0o644}, {"rollback-agent", filepath.Join(folder, "rollback-agent"), 0o755}} {
		bytes, err := os.ReadFile(f.from)
		if err != nil {
			return nil, err
		}
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: f.name, Mode: f.mode, Size: int64(len(bytes)), ModTime: r.created}); err != nil {
			return nil, err
		}
		if _, err := w.Write(bytes); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return content.Bytes(), nil
}
