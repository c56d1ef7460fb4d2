// GET / of an app that has no route of its own there, in development: where to go from here.
import type { Context } from 'hono'
import { html } from 'hono/html'
import { baseOf, pathInApp } from './http/base-path.ts'

const PLACES = {
  docs: '/docs',
  openapi: '/openapi.json',
  health: '/health',
  ready: '/ready?verbose',
  metrics: '/metrics',
} as const

const NOTE = 'This page is for development. A route of yours for / comes in its place.'

/** Whether a request is for the root of the app, with or without a slash at its end. */
export function isForRoot(c: Context): boolean {
  return (c.req.method === 'GET' || c.req.method === 'HEAD') && ['', '/'].includes(pathInApp(c))
}

/** Answers with links to what each app has: as a page to a browser, otherwise as JSON. */
export function startPage(c: Context, title = 'Emaki'): Response | Promise<Response> {
  const base = baseOf(c)
  const links = Object.fromEntries(Object.entries(PLACES).map(([name, path]) => [name, `${base}${path}`]))
  c.header('Vary', 'Accept', { append: true })
  if (!c.req.header('Accept')?.includes('text/html')) return c.json({ title, note: NOTE, ...links })
  const items = Object.entries(links).map(([name, link]) => html`<li><a href="${link}">${name}</a></li>`)
  return c.html(html`<!doctype html><title>${title}</title><h1>${title}</h1><p>${NOTE}</p><ul>${items}</ul>`)
}
