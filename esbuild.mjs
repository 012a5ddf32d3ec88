import { rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { build } from 'esbuild'

/**
 * Builds dist/extension.js, and beside it one file for each module that is imported dynamically: those are read
 * only when they are used, so that start-up pays for nothing else. What several of them share stands in each, but for
 * the modules of `shared`: their classes are compared by `instanceof`.
 */

const shared = [/\/failure$/]

/**
 * Here asn1js tells its classes by their names. Elsewhere names would cost too much: esbuild keeps them by a call for each
 * function that is made, at each request that makes one.
 */
const comparedByName = ['acmeClient', 'x509']

rmSync('dist', { recursive: true, force: true })
const built = new Set()
await bundle('src/extension.ts', 'extension')
await bundleWebview()

async function bundle(entry, name) {
  if (built.has(name)) return
  built.add(name)
  const onDemand = new Map()
  await build({
    entryPoints: { [name]: entry },
    outdir: 'dist',
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    external: ['vscode'],
    minify: true,
    keepNames: comparedByName.includes(name),
    sourcemap: false,
    legalComments: 'eof',
    logLevel: 'warning',
    // What imports reflect-metadata by side effect must keep doing so.
    mainFields: ['module', 'main'],
    plugins: [dynamicImports(onDemand), sharedModules(onDemand), noNativeAddons()],
  })
  for (const [file, path] of onDemand) await bundle(path, file)
}

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

/** Turns each `import('x')` into a file of its own. */
function dynamicImports(onDemand) {
  return {
    name: 'dynamic imports',
    setup(setup) {
      setup.onResolve({ filter: /.*/ }, async ({ path, kind, importer, resolveDir, pluginData }) => {
        if (kind !== 'dynamic-import' || pluginData === 'resolving' || path.startsWith('node:'))
          return undefined
        const found = await setup.resolve(path, {
          kind: 'import-statement',
          importer,
          resolveDir,
          pluginData: 'resolving',
        })
        if (found.errors.length > 0) return { errors: found.errors }
        const file = path.startsWith('.') ? basename(path) : path.replace(/^@/, '').replaceAll('/', '-')
        onDemand.set(file, found.path)
        return { path: `./${file}.js`, external: true }
      })
    },
  }
}

/** Gives each shared module a file of its own, which all others read. */
function sharedModules(onDemand) {
  return {
    name: 'shared modules',
    setup(setup) {
      for (const filter of shared) {
        setup.onResolve({ filter }, ({ path, kind, resolveDir }) => {
          if (kind !== 'import-statement') return undefined
          const file = basename(path)
          onDemand.set(file, join(resolveDir, `${path}.ts`))
          return { path: `./${file}.js`, external: true }
        })
      }
    },
  }
}

/** ssh2's optional native parts are bound to one ABI; it runs without them when loading them throws. */
function noNativeAddons() {
  return {
    name: 'no native addons',
    setup(setup) {
      const filter = /(\.node|^cpu-features)$/
      setup.onResolve({ filter }, ({ path }) => ({ path, namespace: 'absent' }))
      setup.onLoad({ filter: /.*/, namespace: 'absent' }, ({ path }) => ({
        contents: `throw new Error(${JSON.stringify(`${path} is not part of the bundle`)})`,
      }))
    },
  }
}
