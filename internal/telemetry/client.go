package telemetry

// nameClients sets which client ids have a label.
func (m *Metrics) nameClients(ids []string) {
	if len(ids) == 0 {
		return
	}
	m.clients = make(map[string]struct{}, len(ids))
	for _, id := range ids {
		m.clients[id] = struct{}{}
	}
}

// perClient returns labels, with one for the client where there are any.
func (m *Metrics) perClient(labels ...string) []string {
	if m.clients == nil {
		return labels
	}
	return append(labels, "client_id")
}

// clientLabel returns id if the operator named it.
func (m *Metrics) clientLabel(id string) string {
	if _, named := m.clients[id]; named {
		return id
	}
	return "other"
}
