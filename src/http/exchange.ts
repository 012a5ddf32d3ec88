import type { OutgoingMessage } from 'node:http'
import type { Duplex, Readable, Writable } from 'node:stream'
import type { Visitor } from '../base/visitor'
import type { Field, HttpProtocol } from './field'

export type { Field } from './field'

/** One HTTP request with its response, the same for whoever answers it, whichever version of HTTP brought it. */
export interface Exchange {
  readonly visitor: Visitor
  readonly request: HttpRequest
  readonly response: HttpResponse
  /** The id of the captured exchange, where it is captured. */
  readonly capturedAs?: number | undefined
}

/** Answers an exchange. */
export type AcceptExchange = (exchange: Exchange) => void

/** A stage for exchanges: answers one, or passes it on. */
export type ExchangeStage = (exchange: Exchange, next: AcceptExchange) => void

export interface HttpRequest {
  readonly protocol: HttpProtocol
  readonly method: string
  /** A path with its query, or `*` (RFC 9112 3.2). */
  readonly target: string
  /** All of them in their order, Host too; those of the connection as well. */
  readonly fields: readonly Field[]
  /** What the visitor called, with the port if it is not the usual one; only HTTP/1.0 may leave it out. */
  readonly host: string | undefined
  /** How long the body is: known from Content-Length, or only once it has ended. */
  readonly length: 'no body' | 'in a field' | 'seen at its end'
  readonly body: Readable
  /** Known when the body has ended. */
  trailers(): readonly Field[]
  /** The protocols of the Upgrade field (RFC 9110 7.8). */
  readonly upgrade: string | undefined
}

/** The way back to the visitor. Whoever answers calls `begin`, writes, and calls `end`. */
export interface HttpResponse {
  /** A status of 1xx before the answer; where the visitor cannot take it, nothing happens. */
  inform(status: number, fields: readonly Field[]): void
  /**
   * Status line and fields; the body is to be written to the result.
   * @throws Error when HTTP does not allow what the fields say.
   */
  begin(status: number, reason: string, fields: readonly Field[]): Writable
  end(trailers: readonly Field[]): void
  /** Breaks off, so that the visitor notices that something is missing. */
  abort(): void
  /** Leaves HTTP (RFC 9110 15.2.2) and joins the visitor to the app; undefined where the request did not ask. */
  readonly switchProtocols?: (reason: string, fields: readonly Field[], app: Duplex) => void
  readonly hasBegun: boolean
  /** Called when the visitor leaves before the response has ended. */
  onGone(callback: () => void): void
  /**
   * What the gate does with the exchange by itself, for whoever keeps it: why it answers in the app's place, that it
   * holds the request back. Undefined where nobody keeps it. `answers.ts` says it of each answer of its own.
   */
  readonly note?: (did: OwnDoing) => void
}

/** What the gate did by itself. */
export interface OwnDoing {
  /** In words for a person; a later one takes its place. */
  readonly text: string
  /** The answer that begins next is the gate's own, and not the app's. */
  readonly isAnswer: boolean
}

/** Node's flat list of names and values as fields. */
export function fieldsOf(raw: readonly string[]): Field[] {
  const fields: Field[] = []
  for (let at = 0; at + 1 < raw.length; at += 2) fields.push([raw[at] ?? '', raw[at + 1] ?? ''])
  return fields
}

/** The values of all fields of this name (in small letters), in their order. */
export function valuesOf(fields: readonly Field[], name: string): string[] {
  const values: string[] = []
  for (const [other, value] of fields) if (isNamed(other, name)) values.push(value)
  return values
}

/** The same the other way. `flat()` takes ten times as long. */
export function rawOf(fields: readonly Field[]): string[] {
  const raw: string[] = []
  for (const [name, value] of fields) raw.push(name, value)
  return raw
}

/** Whether a field's name is this one, which is in small letters. Most differ by their length already. */
export function isNamed(other: string, name: string): boolean {
  return other.length === name.length && (other === name || other.toLowerCase() === name)
}

/** The members of comma-separated fields, in small letters. */
export function tokensOf(fields: readonly Field[], name: string): string[] {
  const tokens: string[] = []
  for (const value of valuesOf(fields, name)) {
    for (const token of value.toLowerCase().split(',')) if (token.trim() !== '') tokens.push(token.trim())
  }
  return tokens
}

/** Sends the head before there is a body. Node's `flushHeaders` writes UTF-8 where it has read latin1. */
export function sendHead(message: OutgoingMessage): void {
  message.write(nothing)
}

const nothing = Buffer.alloc(0)

/** For `addTrailers`, which takes no readonly ones. */
export function pairsOf(fields: readonly Field[]): [string, string][] {
  return fields.map(([name, value]) => [name, value])
}

/** For Node's functions that take an object: what stands more than once becomes a list. */
export function recordOf(fields: readonly Field[]): Record<string, string | string[]> {
  const values = new Map<string, string[]>()
  for (const [name, value] of fields) {
    const key = name.toLowerCase()
    values.set(key, [...(values.get(key) ?? []), value])
  }
  return Object.fromEntries([...values].map(([name, all]) => [name, all.length === 1 ? (all[0] ?? '') : all]))
}
