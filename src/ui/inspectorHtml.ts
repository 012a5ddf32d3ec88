/**
 * The inspector's page. It loads its own script and styles and nothing else: no address of the network, no script
 * or style in the text, no frame.
 */
export function inspectorHtml(of: {
  readonly script: string
  readonly styles: readonly [icons: string, own: string]
  /** From where VS Code serves files to webviews. */
  readonly source: string
  readonly nonce: string
  /** Its colours are those of where it stands. */
  readonly place: 'editor' | 'panel'
}): string {
  const { script, styles, source, nonce, place } = of
  const policy = [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    // The kit's icons bring the same style sheet along into their shadow roots.
    `style-src ${source}`,
    `font-src ${source}`,
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ')
  const [icons, own] = styles
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width">
<title>Requests</title>
<link rel="stylesheet" id="vscode-codicon-stylesheet" href="${icons}">
<link rel="stylesheet" href="${own}">
</head>
<body data-place="${place}">
<script nonce="${nonce}" src="${script}"></script>
</body>
</html>`
}
