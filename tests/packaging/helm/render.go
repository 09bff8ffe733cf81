// Renders a chart as `helm template` does, with Debian's packages of Go libraries alone: text/template, sprig,
// sigs.k8s.io/yaml, and the few functions that helm adds to them.
//
//	render CHART RELEASE [VALUES.yaml ...]
//
// Source: helm's documentation, "Chart Template Guide". Numbers of values are float64 here as they are there.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig"
	"sigs.k8s.io/yaml"
)

type values = map[string]interface{}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func load(file string) values {
	text, err := os.ReadFile(file)
	check(err)
	read := values{}
	check(yaml.Unmarshal(text, &read))
	return read
}

// What is in `over` wins; maps are merged; null removes.
func merge(under, over values) {
	for key, value := range over {
		above, ok := value.(values)
		below, also := under[key].(values)
		switch {
		case value == nil:
			delete(under, key)
		case ok && also:
			merge(below, above)
		default:
			under[key] = value
		}
	}
}

func toYaml(value interface{}) (string, error) {
	text, err := yaml.Marshal(value)
	return strings.TrimSuffix(string(text), "\n"), err
}

func main() {
	chart, release := os.Args[1], os.Args[2]
	about := load(filepath.Join(chart, "Chart.yaml"))
	given := load(filepath.Join(chart, "values.yaml"))
	for _, file := range os.Args[3:] {
		merge(given, load(file))
	}

	all := template.New("chart").Option("missingkey=zero")
	functions := sprig.TxtFuncMap()
	for _, name := range []string{"env", "expandenv"} {
		delete(functions, name)
	}
	include := func(name string, data interface{}) (string, error) {
		var out bytes.Buffer
		err := all.ExecuteTemplate(&out, name, data)
		return out.String(), err
	}
	functions["include"] = include
	functions["toYaml"] = toYaml
	functions["tpl"] = func(text string, data interface{}) (string, error) {
		one, err := template.Must(all.Clone()).New("tpl").Parse(text)
		if err != nil {
			return "", err
		}
		var out bytes.Buffer
		err = one.Execute(&out, data)
		return out.String(), err
	}
	functions["required"] = func(message string, value interface{}) (interface{}, error) {
		if value == nil || value == "" {
			return nil, errors.New(message)
		}
		return value, nil
	}
	functions["lookup"] = func(...string) values { return values{} }
	all.Funcs(functions)

	var names []string
	check(filepath.Walk(filepath.Join(chart, "templates"), func(file string, info os.FileInfo, err error) error {
		if err != nil || info.IsDir() {
			return err
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		inside, _ := filepath.Rel(chart, file)
		name := "ncps/" + inside
		if _, err = all.New(name).Parse(string(text)); err == nil && !strings.HasPrefix(filepath.Base(file), "_") {
			names = append(names, name)
		}
		return err
	}))
	sort.Strings(names)

	for _, name := range names {
		data := values{
			"Values":   given,
			"Release":  values{"Name": release, "Namespace": "default", "Service": "Helm", "IsInstall": true, "IsUpgrade": false, "Revision": 1},
			"Chart":    values{"Name": about["name"], "Version": about["version"], "AppVersion": about["appVersion"]},
			"Template": values{"Name": name, "BasePath": "ncps/templates"},
		}
		text, err := include(name, data)
		check(err)
		if strings.HasSuffix(name, ".txt") {
			fmt.Fprint(os.Stderr, text)
		} else if strings.TrimSpace(text) != "" {
			fmt.Printf("---\n# Source: %s\n%s\n", name, text)
		}
	}
}
