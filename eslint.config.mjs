import { builtinModules } from 'node:module'
import eslint from '@eslint/js'
import tseslint from 'typescript-eslint'

// Which rooms a room may import from (ARCHITECTURE.md). Every other import between rooms fails the lint.
const mayImport = {
  base: [],
  ports: ['base'],
  ssh: ['base'],
  tls: ['base'],
  http: ['base'],
  servers: ['base', 'ports', 'ssh', 'tls', 'http'],
  tunnels: ['base', 'ports', 'ssh', 'tls', 'http', 'servers'],
  webhooks: ['base', 'ports', 'ssh', 'tls', 'http', 'servers', 'tunnels'],
  doctor: ['base', 'ports', 'ssh', 'tls', 'http', 'servers', 'tunnels'],
  ui: ['base', 'ports', 'ssh', 'tls', 'http', 'servers', 'tunnels', 'webhooks', 'doctor'],
  // Browser code. Of http it sees the plain types of what is sent to it, and nothing else.
  webview: [],
}
const sentToWebview = [
  ...['field', 'capturedExchange', 'inspectorMessages'],
  ...['body/shownBody', 'compare/comparison', 'edit/requestEdit'],
]
const rooms = Object.keys(mayImport)

const bareBuiltins = builtinModules
  .filter((name) => !name.startsWith('_') && !name.startsWith('node:'))
  .map((name) => ({ name, message: `Write 'node:${name}'.` }))
const noVscode = { name: 'vscode', message: 'Only src/ui and src/extension.ts import vscode.' }

/** The same rules for `import x from`, `export from` and `import()`. */
function importRules({ files, ignores = [], mayUseVscode, forbidden, message }) {
  const path = `^(\\.\\.?/)+(src/)?(${[...forbidden, 'extension', 'test'].join('|')})(/|$)`
  const dynamic = (selector, text) => ({ selector: `ImportExpression${selector}`, message: text })
  const bare = `^(${builtinModules.filter((name) => !name.includes('/')).join('|')})(/|$)`
  return {
    files,
    ignores,
    rules: {
      'no-restricted-imports': [
        'error',
        {
          paths: mayUseVscode ? bareBuiltins : [...bareBuiltins, noVscode],
          patterns: [{ regex: path, message }],
        },
      ],
      'no-restricted-syntax': [
        'error',
        dynamic(
          ':not([source.type="Literal"])',
          'Name the module, so that what may be imported can be checked.',
        ),
        dynamic(`[source.value=/${path.replaceAll('/', '\\/')}/]`, message),
        dynamic(`[source.value=/${bare.replaceAll('/', '\\/')}/]`, "Write 'node:…'."),
        ...(mayUseVscode ? [] : [dynamic('[source.value="vscode"]', noVscode.message)]),
      ],
    },
  }
}

function roomRules(room) {
  const forbidden = rooms.filter((other) => other !== room && !mayImport[room].includes(other))
  const isWebview = room === 'webview'
  const allowed = ['itself', ...(isWebview ? sentToWebview.map((file) => `http/${file}`) : mayImport[room])]
  return importRules({
    files: [`src/${room}/**/*.ts`],
    mayUseVscode: room === 'ui',
    forbidden: isWebview
      ? forbidden.map((other) => (other === 'http' ? `http(?!/(${sentToWebview.join('|')})$)` : other))
      : forbidden,
    message: `src/${room} may import only ${allowed.join(', ')}.`,
  })
}

/** A folder that is no room may import nothing of ours, until it is given its place above. */
const strangerRules = importRules({
  files: ['src/**/*.ts'],
  ignores: ['src/extension.ts'],
  mayUseVscode: false,
  forbidden: rooms,
  message: 'Give this folder its place in eslint.config.mjs first.',
})

export default tseslint.config(
  { ignores: ['dist/', 'out/', 'node_modules/', '.vscode-test/', 'test-artifacts/'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  eslint.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      eqeqeq: 'error',
      'no-restricted-imports': ['error', { paths: bareBuiltins }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/consistent-type-definitions': ['error', 'interface'],
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true, requireDefaultForNonUnion: true },
      ],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-confusing-void-expression': [
        'error',
        { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true },
      ],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
    },
  },
  strangerRules,
  ...rooms.map(roomRules),
  {
    files: ['test/**/*.ts'],
    rules: {
      // mocha's `this` and chained assertions need these shapes.
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unused-expressions': 'off',
    },
  },
  {
    files: ['**/*.mjs', '**/*.cjs', '**/*.js'],
    languageOptions: {
      globals: {
        process: 'readonly',
        console: 'readonly',
        URL: 'readonly',
        fetch: 'readonly',
        setTimeout: 'readonly',
        Buffer: 'readonly',
        module: 'readonly',
      },
    },
  },
)
