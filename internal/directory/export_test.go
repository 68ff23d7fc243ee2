package directory

// ClientsHeld returns how many clients and absences are in memory.
func (d *Directory) ClientsHeld() int { return d.clients.size() }
