/// <reference path="./scalar.d.ts" />
// GET /docs: a page for reading and trying the API, by Scalar, served from this origin alone. Without Scalar the page
// says what to install.
import { resolve } from 'node:path'
import { Hono } from 'hono'
import { html } from 'hono/html'
import { withParameters } from '../http/parameters.ts'
import { problem } from '../http/problem.ts'
import { type FixedContent, fixedContent, keepResult, type Pack, respondWithContent } from '../http/fixed-content.ts'

/**
 * The page loads nothing from other origins. Scalar writes styles into the page, so inline styles are allowed; inline
 * scripts and eval are not.
 */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "font-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'self'",
].join('; ')

/**
 * By default Scalar loads fonts from elsewhere and offers to send the document to an assistant. Both are turned off.
 */
const CONFIGURATION = JSON.stringify({
  url: 'openapi.json',
  withDefaultFonts: false,
  telemetry: false,
  agent: { disabled: true },
  mcp: { disabled: true },
  showDeveloperTools: 'never',
  hideClientButton: true,
  defaultOpenAllTags: true,
  orderSchemaPropertiesBy: 'preserve',
})

type Find = () => Promise<string | null>
type Html = ReturnType<typeof html>

/**
 * Makes the routes for `/docs` and its script. `find` gives the path of the script, null if it is not installed.
 * Default: the script of the optional peer.
 */
export function docs(title = 'Emaki', find: Find = scalar, pack?: Pack): Hono {
  const script = keepResult(() => load(find, pack))
  return new Hono()
    .get(
      '/docs',
      withParameters([], async c => {
        const found = await script()
        const page = found ? reference(title, found.tag) : advice(title)
        return c.html(page, 200, { 'Content-Security-Policy': POLICY, 'Cache-Control': 'no-cache' })
      }),
    )
    .get('/docs/scalar.js', async c => {
      const found = await script()
      return found ? respondWithContent(c, found) : problem(c, 'not-found')
    })
}

/** Loads the script. Its URL names its content, so it never changes. */
async function load(find: Find, pack?: Pack): Promise<FixedContent | null> {
  const path = await find()
  if (path === null) return null
  // In a bundle the path is relative to this file; otherwise it is absolute.
  const file = Bun.file(resolve(import.meta.dir, path))
  const headers = {
    'Content-Type': 'text/javascript; charset=utf-8',
    'Cache-Control': 'public, max-age=31536000, immutable',
  }
  return fixedContent(headers, await file.bytes(), pack)
}

/**
 * Finds the script of the optional peer @scalar/api-reference. The package exports no path to it, and a compiled binary
 * embeds only a file that a literal names. So the function looks at the places where package managers put it: within
 * the checkout of this source; and, for what is built of it, beside the package or within it.
 */
async function scalar(): Promise<string | null> {
  try {
    return (await import('../../node_modules/@scalar/api-reference/dist/browser/standalone.js', { with: { type: 'file' } }))
      .default
  } catch {}
  try {
    return (await import('../../../../../@scalar/api-reference/dist/browser/standalone.js', { with: { type: 'file' } })).default
  } catch {}
  try {
    return (await import('../../../../node_modules/@scalar/api-reference/dist/browser/standalone.js', { with: { type: 'file' } }))
      .default
  } catch {}
  return null
}

function reference(title: string, tag: string): Html {
  return page(
    title,
    html`<link rel="icon" href="data:,">`,
    html`<script id="api-reference" type="application/json" data-configuration="${CONFIGURATION}"></script>
    <script src="docs/scalar.js?${tag}"></script>`,
  )
}

function advice(title: string): Html {
  return page(
    title,
    html`<style>
      :root { color-scheme: light dark }
      body { max-width: 40rem; margin: 4rem auto; padding: 0 1rem; font: 1rem/1.6 system-ui, sans-serif }
    </style>`,
    html`<h1>${title}</h1>
    <p>The API is described in <a href="openapi.json">openapi.json</a>.</p>
    <p>For a page to read and try it, install Scalar beside Emaki: <code>bun add @scalar/api-reference</code></p>`,
  )
}

function page(title: string, head: Html, body: Html): Html {
  return html`<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>${title}</title>
    ${head}
  </head>
  <body>
    ${body}
  </body>
</html>`
}
