import { basename, join } from 'node:path'
import { build } from 'esbuild'

/** Their classes are compared by `instanceof`, so each stands in one file that all others read. */
const shared = [/\/failure$/]

/**
 * Here classes are told by their names (asn1js; ssh2's Session). Elsewhere names would cost too much: esbuild keeps them by
 * a call for each function that is made, at each request that makes one.
 */
const comparedByName = ['acmeClient', 'x509', 'ssh2']

/**
 * Bundles a module for Node into `outdir/name.js`, and beside it one file for each module that is imported
 * dynamically: those are read only when they are used, so that start-up pays for nothing else. What several of them
 * share stands in each, but for the modules of `shared`. `built` has the names that are done already.
 */
export async function bundle(entry, { name, outdir, built = new Set() }) {
  if (built.has(name)) return
  built.add(name)
  const onDemand = new Map()
  await build({
    entryPoints: { [name]: entry },
    outdir,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    external: ['vscode'],
    // By require: import() of such a file makes Node parse all of it once more, for the names it exports (60 ms for ssh2).
    supported: { 'dynamic-import': false },
    minify: true,
    keepNames: comparedByName.includes(name),
    sourcemap: false,
    legalComments: 'eof',
    logLevel: 'warning',
    // What imports reflect-metadata by side effect must keep doing so.
    mainFields: ['module', 'main'],
    plugins: [dynamicImports(onDemand), sharedModules(onDemand), noNativeAddons()],
  })
  for (const [file, path] of onDemand) await bundle(path, { name: file, outdir, built })
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
