import { rmSync } from 'node:fs'
import { build } from 'esbuild'
import { bundle } from './bundle.mjs'

/** Builds dist/: the extension for Node, and the inspector's page for the browser. */

rmSync('dist', { recursive: true, force: true })
await bundle('src/extension.ts', { name: 'extension', outdir: 'dist' })
await bundleWebview()

/** The inspector's page, for the browser; the icons' font lies beside its styles. */
async function bundleWebview() {
  const icons = 'node_modules/@vscode/codicons/dist'
  await build({
    entryPoints: {
      inspector: 'src/webview/main.ts',
      inspectorStyle: 'src/webview/inspector.css',
      codicon: `${icons}/codicon.css`,
    },
    outdir: 'dist/webview',
    bundle: true,
    platform: 'browser',
    // Of VS Code 1.100.
    target: 'chrome132',
    format: 'iife',
    loader: { '.ttf': 'file' },
    assetNames: '[name]',
    minify: true,
    sourcemap: false,
    legalComments: 'eof',
    logLevel: 'warning',
  })
}
