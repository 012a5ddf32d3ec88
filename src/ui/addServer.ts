import { commands, window } from 'vscode'
import { DisposableStore } from '../base/disposable'
import type { Proposal } from '../servers/propose/proposal'
import { configuredServer, type Server } from '../servers/server'
import { newServerId } from '../servers/serverId'
import { listSshHosts } from '../servers/sshHosts'
import { trustedRoots } from '../tunnels/publicProbe'
import type { Tunnels } from '../tunnels/tunnels'
import { commandIds } from './commandIds'
import { hopText } from './hopText'
import type { PrepareServer } from './prepareServer'
import { inProgress } from './progress'
import { askDomain, pickProposal, type Seen } from './proposalPick'
import type { ReadOnlyDocuments } from './readOnlyDocuments'
import { saveServer, type SaveParts } from './saveServer'
import { serverFrom, takenIds } from './serverEntries'
import { pickService } from './servicePick'
import { settings } from './settings'
import { editServers, showFailure } from './showFailure'
import { stepsInWords, stepsText } from './stepsText'
import { askDestination, pickWhere } from './wherePick'
import { rowsToAdd, type Where } from './whereRows'

/** Adds a server to the settings: looks at it, proposes how to use it, and saves what is chosen. */
export class AddServer {
  constructor(
    private readonly parts: SaveParts & {
      readonly tunnels: Tunnels
      readonly documents: ReadOnlyDocuments
      readonly prepareServer: PrepareServer
    },
  ) {}

  /** The command: adds one, and offers to expose a port through it. */
  async run(): Promise<void> {
    const until = new DisposableStore()
    try {
      const server = await this.askWhere(until)
      if (server === undefined) return
      const expose = 'Expose a Port'
      const chosen = await window.showInformationMessage(
        `The server "${server.profile.id}" is in your settings.`,
        expose,
      )
      if (chosen === expose) await commands.executeCommand(commandIds.expose)
    } finally {
      until.dispose()
    }
  }

  /** Asks which server, and adds it. */
  async askWhere(until: DisposableStore): Promise<Server | undefined> {
    const rows = rowsToAdd(await listSshHosts())
    const where = await pickWhere(rows, { title: 'Add a Server', placeHolder: 'Which server?' })
    return where && this.add(where, until)
  }

  /**
   * Answers the server once it is saved; undefined when the person changed their mind, or it failed, which has then
   * been shown. A connection that was opened stays open as long as `until`, so that exposing needs no other login.
   */
  async add(where: Where, until: DisposableStore): Promise<Server | undefined> {
    for (;;) {
      try {
        switch (where.kind) {
          case 'host':
            return await this.addDestination(where.ssh, until)
          case 'destination': {
            const ssh = await askDestination('Add a Server')
            return ssh === undefined ? undefined : await this.add({ kind: 'host', ssh }, until)
          }
          case 'service':
            return await this.addService()
          case 'add':
            return await this.askWhere(until)
          case 'server':
            return configuredServer(where.profile, this.parts.log)
          case 'this machine':
            return undefined
        }
      } catch (error) {
        if (!(await showFailure(error, this.parts.log))) return undefined
      }
    }
  }

  private async addDestination(ssh: string, until: DisposableStore): Promise<Server | undefined> {
    const id = newServerId({ ssh }, takenIds())
    const server = serverFrom(id, { ssh }, this.parts.log)
    let session = until.add(new DisposableStore())
    let seen = await this.look(server, { session })
    for (;;) {
      const wanted = await pickProposal(seen)
      switch (wanted?.kind) {
        case undefined:
          return undefined
        case 'another domain': {
          const domain = await askDomain(ssh)
          if (domain !== undefined) seen = await this.look(server, { session, domain })
          break
        }
        case 'prepare':
          return this.parts.prepareServer.prepare(ssh, until)
        case 'write it':
          await editServers()
          return undefined
        case 'proposal': {
          const { proposal } = wanted
          const next = proposal.missing.length === 0 ? 'save' : await this.showMissing(proposal)
          if (next === 'save') return this.save(id, proposal)
          if (next === undefined) return undefined
          until.delete(session)
          session = until.add(new DisposableStore())
          seen = await this.look(server, { session, anew: true, domain: seen.evidence.domain?.name })
        }
      }
    }
  }

  private look(
    server: Server,
    options: {
      readonly session: DisposableStore
      readonly anew?: boolean
      readonly domain?: string | undefined
    },
  ): Promise<Seen> {
    const { session, anew = false, domain } = options
    const { tunnels, clock, log } = this.parts
    const { ssh } = server.profile
    return inProgress(`Looking at ${ssh}`, async (say, signal) => {
      const [{ lookAtServer }, { propose }] = await Promise.all([
        import('../servers/look/lookAtServer'),
        import('../servers/propose/propose'),
      ])
      const onHop = (hop: Parameters<typeof hopText>[0]) => say(hopText(hop, ssh))
      const { transport } = session.add(await tunnels.connect(server, { anew, signal, onHop }))
      const evidence = await lookAtServer({
        ...{ transport, ssh, clock, log, signal, ca: trustedRoots().join('\n') },
        ...(domain === undefined ? {} : { domain }),
        onProgress: (text) => say(text.charAt(0).toLowerCase() + text.slice(1)),
      })
      return { evidence, ...propose(evidence) }
    })
  }

  /** What has to be done first, to be read beside; answers what the person wants then. */
  private async showMissing(proposal: Proposal): Promise<'save' | 'look' | undefined> {
    const { missing, entry } = proposal
    const then = 'When it is done, choose "Look Again" in the notification.'
    await this.parts.documents.show(
      `Steps for ${entry.ssh}.md`,
      stepsText(proposal, missing, { ssh: entry.ssh, then }),
    )
    const again = 'Look Again'
    const save = 'Save Anyway'
    const chosen = await window.showInformationMessage(
      `It takes ${stepsInWords(missing)} first. The lines to paste are in the document. Nothing is saved yet.`,
      again,
      save,
    )
    return chosen === again ? 'look' : chosen === save ? 'save' : undefined
  }

  private async save(id: string, proposal: Proposal): Promise<Server> {
    const { entry, better } = proposal
    const isTaken = takenIds().includes(id)
    const saved = await saveServer({ ...(isTaken ? {} : { id }), entry }, this.parts)
    if (better.length > 0) void this.tellBetter(proposal)
    return serverFrom(saved, entry, this.parts.log)
  }

  private async tellBetter(proposal: Proposal): Promise<void> {
    const { better, entry } = proposal
    const show = 'Show Lines'
    const chosen = await window.showInformationMessage(
      `${entry.ssh} works as it is; it would be better with ${stepsInWords(better)}.`,
      show,
    )
    if (chosen !== show) return
    const then = 'It works without this too.'
    const text = stepsText(proposal, better, { ssh: entry.ssh, then })
    await this.parts.documents.show(`Better for ${entry.ssh}.md`, text)
  }

  /** A service that is in the settings already is used as it stands there. */
  private async addService(): Promise<Server | undefined> {
    const entry = await pickService()
    if (entry === undefined) return undefined
    const wanted = serverFrom('service', entry, this.parts.log).profile
    const present = settings
      .servers()
      .profiles.find(
        (profile) =>
          profile.kind === 'service' &&
          wanted.kind === 'service' &&
          profile.service === wanted.service &&
          (profile.service !== 'sish' || profile.ssh === wanted.ssh),
      )
    if (present !== undefined) return configuredServer(present, this.parts.log)
    return serverFrom(await saveServer({ entry }, this.parts), entry, this.parts.log)
  }
}
