package lint

// Sarif is a log in the form that code scanners upload (SARIF 2.1.0).
type Sarif struct {
	Schema  string     `json:"$schema"`
	Version string     `json:"version"`
	Runs    []SarifRun `json:"runs"`
}

// SarifRun is one run of a tool.
type SarifRun struct {
	Tool struct {
		Driver SarifDriver `json:"driver"`
	} `json:"tool"`
	Results []SarifResult `json:"results"`
}

// SarifDriver is the tool.
type SarifDriver struct {
	Name           string      `json:"name"`
	Version        string      `json:"version"`
	InformationURI string      `json:"informationUri"`
	Rules          []SarifRule `json:"rules"`
}

// SarifRule is a rule.
type SarifRule struct {
	ID                   string      `json:"id"`
	ShortDescription     SarifText   `json:"shortDescription"`
	Help                 SarifText   `json:"help"`
	DefaultConfiguration SarifConfig `json:"defaultConfiguration"`
}

// SarifConfig holds the level of a rule.
type SarifConfig struct {
	Level Level `json:"level"`
}

// SarifText is a message.
type SarifText struct {
	Text string `json:"text"`
}

// SarifResult is a finding.
type SarifResult struct {
	RuleID    string          `json:"ruleId"`
	RuleIndex int             `json:"ruleIndex"`
	Level     Level           `json:"level"`
	Message   SarifText       `json:"message"`
	Locations []SarifLocation `json:"locations"`
	// PartialFingerprints tell a finding that was there before from a new one.
	PartialFingerprints map[string]string `json:"partialFingerprints"`
}

// SarifLocation is an object of the tenant: there is no file.
type SarifLocation struct {
	LogicalLocations []SarifLogical `json:"logicalLocations"`
}

// SarifLogical names an object.
type SarifLogical struct {
	Name               string `json:"name"`
	FullyQualifiedName string `json:"fullyQualifiedName"`
	Kind               string `json:"kind"`
}

// ToSarif returns findings as SARIF, with the table of rules.
func ToSarif(findings []Finding, version string) *Sarif {
	run := SarifRun{Results: []SarifResult{}}
	driver := SarifDriver{Name: "mintage lint", Version: version, InformationURI: "https://github.com/mintage-auth/mintage"}
	index := map[string]int{}
	for i, r := range rules {
		index[r.ID] = i
		driver.Rules = append(driver.Rules, SarifRule{
			ID: r.ID, ShortDescription: SarifText{r.Title}, Help: SarifText{r.Cure}, DefaultConfiguration: SarifConfig{r.Level},
		})
	}
	run.Tool.Driver = driver
	for _, f := range findings {
		object := f.Tenant + "/" + f.Kind + "/" + f.ID
		name := f.Name
		if name == "" {
			name = f.ID
		}
		run.Results = append(run.Results, SarifResult{
			RuleID: f.Rule, RuleIndex: index[f.Rule], Level: f.Level, Message: SarifText{name + ": " + f.Message + ". " + f.Cure},
			Locations:           []SarifLocation{{LogicalLocations: []SarifLogical{{Name: name, FullyQualifiedName: object, Kind: "resource"}}}},
			PartialFingerprints: map[string]string{"object/v1": f.Rule + " " + object + " " + f.Message},
		})
	}
	return &Sarif{
		Schema:  "https://json.schemastore.org/sarif-2.1.0.json",
		Version: "2.1.0", Runs: []SarifRun{run},
	}
}
