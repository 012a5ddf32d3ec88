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
}
const rooms = Object.keys(mayImport)

const bareBuiltins = builtinModules
  .filter((name) => !name.startsWith('_') && !name.startsWith('node:'))
  .map((name) => ({ name, message: `Write 'node:${name}'.` }))
const noVscode = { name: 'vscode', message: 'Only src/ui and src/extension.ts import vscode.' }

/** The import rules of one room: static imports by no-restricted-imports, dynamic ones by syntax. */
function importRules(room) {
  const forbidden = rooms.filter((other) => other !== room && !mayImport[room].includes(other))
  const path = `^(\\.\\./)+(${[...forbidden, 'extension', 'test'].join('|')})(/|$)`
  const message = `src/${room} may import only ${['itself', ...mayImport[room]].join(', ')}.`
  return {
    files: [`src/${room}/**/*.ts`],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          paths: room === 'ui' ? bareBuiltins : [...bareBuiltins, noVscode],
          patterns: [{ regex: path, message }],
        },
      ],
      'no-restricted-syntax': [
        'error',
        { selector: `ImportExpression[source.value=/${path.replaceAll('/', '\\/')}/]`, message },
        { selector: 'ImportExpression[source.value="vscode"]', message: noVscode.message },
      ],
    },
  }
}

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
  ...rooms.map(importRules),
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
        setTimeout: 'readonly',
        Buffer: 'readonly',
      },
    },
  },
)
