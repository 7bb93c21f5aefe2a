package main

import (
	"debug/buildinfo"
	"fmt"
	"io"
	"path"

	"github.com/CycloneDX/cyclonedx-go"
)

// sbom writes what is linked into a program, as its own build information says, as CycloneDX JSON. It holds no date and no random number.
func sbom(w io.Writer, program, version string) error {
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		return fmt.Errorf("read %s: %w", program, err)
	}
	main := cyclonedx.Component{BOMRef: "main", Type: cyclonedx.ComponentTypeApplication, Name: path.Base(info.Path), Version: version,
		PackageURL: "pkg:golang/" + info.Main.Path + "@" + version + "#" + info.Path[len(info.Main.Path):]}
	parts := []cyclonedx.Component{{BOMRef: "std", Type: cyclonedx.ComponentTypeLibrary, Name: "std", Version: info.GoVersion,
		PackageURL: "pkg:golang/std@" + info.GoVersion}}
	needs := []string{"std"}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		purl := "pkg:golang/" + m.Path + "@" + m.Version
		parts = append(parts, cyclonedx.Component{BOMRef: purl, Type: cyclonedx.ComponentTypeLibrary, Name: m.Path, Version: m.Version, PackageURL: purl})
		needs = append(needs, purl)
	}
	bom := cyclonedx.NewBOM()
	bom.Metadata = &cyclonedx.Metadata{Component: &main}
	bom.Components = &parts
	bom.Dependencies = &[]cyclonedx.Dependency{{Ref: "main", Dependencies: &needs}}
	return cyclonedx.NewBOMEncoder(w, cyclonedx.BOMFileFormatJSON).SetPretty(true).Encode(bom)
}
