// Package web is how the outside speaks to the agent: Alertmanager's webhook, the API of CI and of persons, the gate that a deploy job
// asks, the status page, health, metrics and reload. It authenticates, bounds and translates, and maps every kind of problem to a status
// in one table. It decides nothing, stores nothing and runs no git: a request is handed to the Agent, and what comes back is shown.
//
// The page's buttons do what the API does, for whoever has signed in with a token; see ownForm, sessions and rollback's Mark for what keeps a
// foreign page, an old tab and a lost browser from pressing them.
//
// It never answers 429, nor a webhook with a redirect: Alertmanager drops what it is told to slow down with, and would follow a redirect
// without its token.
package web
