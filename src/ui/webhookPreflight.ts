import { window } from 'vscode'
import { Cancelled } from '../base/failure'
import type { Tunnel } from '../tunnels/tunnel'
import { isPublicApi, type ApiSettings } from '../webhooks/apiSettings'
import { findingsInWords, findingsText } from '../webhooks/preflight/describe'
import type { Finding } from '../webhooks/preflight/evidence'
import { findPath } from '../webhooks/preflight/findPath'
import { judgePreflight, mayRegister } from '../webhooks/preflight/judge'
import { gatherPreflight } from '../webhooks/preflight/preflight'
import type { Answers, Provider } from '../webhooks/provider'
import { inProgress } from './progress'
import type { WebhookParts } from './webhookParts'
import { settings } from './settings'
import { pathsOfWorkspace } from './webhookWorkspace'

interface Subject {
  readonly tunnel: Tunnel
  readonly publicUrl: string
  readonly provider: Provider
  readonly answers: Answers
}

/** At which path the app answers: found, or asked for. @throws Cancelled on Escape. */
export async function chooseWebhookPath(
  { tunnel, publicUrl, provider, answers }: Subject,
  { clock }: Pick<WebhookParts, 'clock'>,
): Promise<string> {
  const found = await inProgress('Looking for the webhook of the app', async (say, signal) => {
    say('reading the workspace')
    const paths = [...new Set(['/webhook', ...(await pathsOfWorkspace()), '/'])]
    say('asking the app')
    const subject = { provider, answers, app: tunnel.app, publicUrl, isProviderPublic: true, clock, signal }
    return findPath(subject, paths)
  })
  if (found?.isSure === true) return found.path
  const typed = await window.showInputBox({
    title: `Set Up ${provider.title}`,
    prompt: 'At which path does the app answer webhooks? It could not be found out.',
    value: found?.path ?? '/webhook',
    ignoreFocusOut: true,
    validateInput: (text) =>
      /^\/[^\s#]*$/.test(text.trim()) ? undefined : 'A path begins with / and has no spaces.',
  })
  if (typed === undefined) throw new Cancelled()
  return typed.trim()
}

/** Examines the callback; where something stands in the way, a person says what to do. @throws Cancelled, Failure. */
export async function passPreflight(
  subject: Subject & { readonly callbackUrl: string },
  parts: Pick<WebhookParts, 'clock' | 'documents'>,
): Promise<readonly Finding[]> {
  const { provider, callbackUrl } = subject
  for (;;) {
    const findings = await inProgress(`Examining ${callbackUrl}`, async (say, signal) => {
      say(`as ${provider.title} would`)
      return examine(subject, parts, signal)
    })
    if (mayRegister(findings)) return findings
    await parts.documents.show(
      `${provider.title} webhook.md`,
      findingsText(findings, { title: provider.title, callbackUrl }),
    )
    const again = 'Try Again'
    const anyway = provider.registrar === undefined ? 'Copy Anyway' : 'Register Anyway'
    const chosen = await window.showWarningMessage(
      `${provider.title} would refuse this webhook: ${findingsInWords(findings)}. The document says why, and what to do.`,
      again,
      anyway,
    )
    if (chosen === undefined) throw new Cancelled()
    if (chosen === anyway) return findings
  }
}

async function examine(
  { tunnel, provider, answers, callbackUrl }: Subject & { readonly callbackUrl: string },
  { clock }: Pick<WebhookParts, 'clock'>,
  signal: AbortSignal,
): Promise<Finding[]> {
  const apis = settings.webhookApis()
  const evidence = await gatherPreflight({
    ...{ provider, answers, callbackUrl, clock, signal, app: tunnel.app, ca: apis.ca },
    isProviderPublic: isPublicApi(apiOf(provider, apis)),
  })
  return judgePreflight(evidence, provider.rules)
}

function apiOf({ id }: Provider, { graphUrl, telegramUrl, githubUrl }: ApiSettings): string {
  switch (id) {
    case 'messenger':
    case 'instagram':
    case 'whatsapp':
      return graphUrl
    case 'telegram':
      return telegramUrl
    case 'github':
      return githubUrl
    case 'other':
      return 'https://example.com'
  }
}
