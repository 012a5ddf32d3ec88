/**
 * For notifications and input boxes, which make a link or a command of `[text](target)` (VS Code, linkedText.ts):
 * what a server said must not become one.
 */
export function plainText(text: string): string {
  return text.replaceAll('](', '] (')
}

/** For Markdown, as in tooltips: neither must it become a link or anything else there. */
export function escapeMarkdown(text: string): string {
  return text.replace(/[\\`*_{}[\]()#+!<>|~]/g, '\\$&')
}
