import { readFile } from 'node:fs/promises'
import { commands, window } from 'vscode'
import { DisposableStore } from '../base/disposable'
import { Failure, isCancelled } from '../base/failure'
import type { Redactor } from '../base/redactor'
import { describePreparation } from '../servers/prepare/describe'
import type { GatewayRun } from '../servers/prepare/gatewayScript'
import type { GatewayRequest } from '../servers/prepare/request'
import { newServerId } from '../servers/serverId'
import { configuredServer, type Server } from '../servers/server'
import { listSshHosts } from '../servers/sshHosts'
import type { SshPrompts } from '../ssh/prompts'
import { resolveSshSettings } from '../ssh/sshConfig'
import { trustedRoots } from '../tunnels/publicProbe'
import type { Tunnels } from '../tunnels/tunnels'
import { commandIds } from './commandIds'
import { gatewayEntry } from './gatewayEntry'
import { visitGateway, type GatewayVisit } from './gatewayVisit'
import {
  askGatewayDomain,
  askGatewayKey,
  askWhatToManage,
  confirmPreparation,
  confirmUninstall,
  type ChosenKey,
} from './prepareQuestions'
import { plainText } from './plainText'
import { inProgress } from './progress'
import { findPublicKeys } from './publicKeys'
import type { ReadOnlyDocuments } from './readOnlyDocuments'
import { saveServer, type SaveParts } from './saveServer'
import { serverFrom, takenIds } from './serverEntries'
import { settings } from './settings'
import { sentence, showFailure } from './showFailure'
import { askDestination, pickWhere } from './wherePick'
import { rowsToLogIn } from './whereRows'

export interface PrepareServerParts extends SaveParts {
  readonly tunnels: Tunnels
  readonly prompts: SshPrompts
  readonly documents: ReadOnlyDocuments
  readonly redactor: Redactor
  /** `media/prepare-gateway.sh`. */
  readonly scriptPath: string
}

/** Turns a bare server into a gateway, and looks after one that is. */
export class PrepareServer {
  constructor(private readonly parts: PrepareServerParts) {}

  /** The command: asks which server, and offers to expose a port when it is ready. */
  async run(): Promise<void> {
    const title = 'Prepare a Server'
    const rows = rowsToLogIn(await listSshHosts())
    const placeHolder = 'Which server? A bare Debian or Ubuntu, where you may use sudo'
    const where = await pickWhere(rows, { title, placeHolder })
    const ssh =
      where?.kind === 'host'
        ? where.ssh
        : where?.kind === 'destination'
          ? await askDestination(title)
          : undefined
    if (ssh === undefined) return
    const until = new DisposableStore()
    try {
      const server = await this.prepare(ssh, until)
      if (server === undefined) return
      const expose = 'Expose a Port'
      const text = `${ssh} is a gateway now, and in your settings as "${server.profile.id}".`
      if ((await window.showInformationMessage(text, expose)) === expose)
        await commands.executeCommand(commandIds.expose)
    } finally {
      until.dispose()
    }
  }

  /**
   * Answers the gateway as a server once it is saved; undefined when the person changed their mind, or it failed,
   * which has then been shown. `until` keeps the connection that was opened.
   */
  async prepare(ssh: string, until: DisposableStore): Promise<Server | undefined> {
    const { log } = this.parts
    // As when it is added, so that it is the same connection.
    const login = serverFrom(newServerId({ ssh }, takenIds()), { ssh }, log)
    for (;;) {
      try {
        const visit = await visitGateway(login, until, this.parts)
        return await (visit.status.isPrepared ? this.manage(visit) : this.prepareAnew(visit))
      } catch (error) {
        if (!(await showFailure(error, log))) return undefined
      }
    }
  }

  private async prepareAnew(visit: GatewayVisit): Promise<Server | undefined> {
    const { ssh, transport } = visit
    const domain = await askGatewayDomain(ssh, transport.peerAddress)
    if (domain === undefined) return undefined
    const key = await this.askKey(visit)
    if (key === undefined) return undefined
    const run = await this.install(visit, { domain, publicKeys: [key.line], ...contact() })
    return run && this.use(ssh, domain, key)
  }

  private async manage(visit: GatewayVisit): Promise<Server | undefined> {
    const { ssh, status } = visit
    const { domain = '' } = status
    switch (await askWhatToManage(ssh, status)) {
      case undefined:
        return undefined
      case 'use':
        return this.use(ssh, domain, undefined)
      case 'update':
        tell(ssh, await this.install(visit, { domain, publicKeys: [], ...contact() }))
        return undefined
      case 'key': {
        const key = await this.askKey(visit)
        if (key === undefined) return undefined
        const run = await visit.run(`Letting a key in on ${ssh}`, (script, signal) =>
          script.addKey(key.line, signal),
        )
        if (key.isOurs) return this.use(ssh, domain, key)
        tell(ssh, run)
        return undefined
      }
      case 'uninstall': {
        if (!(await confirmUninstall(ssh, domain))) return undefined
        const run = await visit.run(`Uninstalling on ${ssh}`, (script, signal) => script.uninstall(signal))
        tell(ssh, run)
        return undefined
      }
    }
  }

  /** Shows what would be done, asks, and does it; undefined when the person does not want it. */
  private async install(visit: GatewayVisit, request: GatewayRequest): Promise<GatewayRun | undefined> {
    const { documents, scriptPath } = this.parts
    const { ssh } = visit
    const { domain } = request
    const plan = await visit.run(`Planning for ${ssh}`, (script, signal) => script.plan(request, signal))
    await documents.show(`Plan for ${ssh}.txt`, plan.text)
    const isWanted = await confirmPreparation({
      ...{ ssh, domain },
      ...{ lines: describePreparation(request, ssh), warnings: plan.warnings },
      showScript: async () => documents.show('prepare-gateway.sh', await readFile(scriptPath, 'utf8')),
    })
    if (!isWanted) return undefined
    try {
      return await visit.run(`Preparing ${ssh}`, (script, signal) => script.install(request, signal))
    } catch (error) {
      if (isCancelled(error)) void window.showInformationMessage(`Everything on ${ssh} was taken back.`)
      throw error
    }
  }

  private async askKey({ ssh, transport }: GatewayVisit): Promise<ChosenKey | undefined> {
    const { clock } = this.parts
    const { signal } = new AbortController()
    const keys = await findPublicKeys({ agent: transport.settings.identityAgent, clock, signal })
    return askGatewayKey(ssh, keys)
  }

  /** Uses it as a tunnel would, and saves it. */
  private async use(ssh: string, domain: string, key: ChosenKey | undefined): Promise<Server | undefined> {
    const { log } = this.parts
    const entry = await gatewayEntry(ssh, key?.privateFile, log)
    if (!(await this.isUsable(serverFrom(ssh, entry, log), domain))) return undefined
    const present = settings
      .servers()
      .profiles.find((profile) => profile.kind === 'gateway' && profile.ssh === entry.ssh)
    if (present !== undefined && present.identityFile === entry.identityFile)
      return configuredServer(present, log)
    return serverFrom(await saveServer({ entry }, this.parts), entry, log)
  }

  /** Whether it works, or the person wants it all the same: DNS may take its time. */
  private async isUsable(server: Server, domain: string): Promise<boolean> {
    const again = 'Check Again'
    const save = 'Save Anyway'
    for (;;) {
      try {
        await this.check(server, domain)
        return true
      } catch (error) {
        if (!(error instanceof Failure) && !isCancelled(error)) throw error
        const text =
          error instanceof Failure ? sentence(error) : 'The gateway has not been checked, and is not saved.'
        const chosen = await window.showWarningMessage(text, again, save)
        if (chosen !== again) return chosen === save
      }
    }
  }

  private check(server: Server, domain: string): Promise<void> {
    const { prompts, clock, log } = this.parts
    return inProgress(`Checking ${domain}`, async (say, signal) => {
      const [{ checkGateway }, { openTransport, TypedSecrets }] = await Promise.all([
        import('../servers/prepare/checkGateway'),
        import('../tunnels/onDemand'),
      ])
      say('opening a tunnel, and fetching its URL')
      await checkGateway({
        ...{ domain, clock, signal, ca: trustedRoots().join('\n') },
        openTransport: async (signalHere) =>
          openTransport({
            ...{ prompts, clock, log, settings: await server.settings(), secrets: new TypedSecrets() },
            signal: signalHere,
            onHop: () => undefined,
            resolve: (jump) => resolveSshSettings(jump, log),
          }),
      })
    })
  }
}

/** The same each time, so that a second run finds nothing to change. */
function contact(): Pick<GatewayRequest, 'email'> {
  const { contact } = settings.acme()
  return contact === undefined ? {} : { email: contact }
}

function tell(ssh: string, run: GatewayRun | undefined): void {
  if (run === undefined) return
  void window.showInformationMessage(plainText([`${ssh}: ${run.summary}.`, ...run.warnings].join(' ')))
}
