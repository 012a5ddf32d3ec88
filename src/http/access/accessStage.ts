import type { Clock } from '../../base/clock'
import type { Accept } from '../../base/visitor'
import { answer, answerByGate } from '../answers'
import { valuesOf, type AcceptExchange, type Exchange, type ExchangeStage } from '../exchange'
import type { AccessRules } from './accessRules'
import { decideAccess, decideVisitor, withoutGateWords, type AccessDecision } from './decideAccess'
import { refusalAnswer } from './refusal'
import { toldAddress, type AddressSource } from './toldAddress'
import { WrongPasswords } from './wrongPasswords'

interface AccessScene {
  /** Those that hold now. */
  readonly rules: () => AccessRules | undefined
  readonly addressSource: () => AddressSource
  readonly clock: Clock
}

/** The stage that holds the access rules: who is refused is answered here, and nothing of them goes further. */
export function accessRules(scene: AccessScene & { readonly publicUrl: () => string }): ExchangeStage {
  const { rules, addressSource, publicUrl, clock } = scene
  const wrongPasswords = new WrongPasswords(clock)
  return (exchange, next) => {
    const { request } = exchange
    const { method, target, fields, upgrade } = request
    const address = toldAddress(exchange, addressSource())
    const decision = decideAccess(rules() ?? {}, {
      method,
      target,
      fields,
      address,
      isUpgrade: upgrade !== undefined,
      publicUrl: publicUrl(),
      now: clock.now(),
      waitMs: wrongPasswords.waitMs(address),
    })
    if ('guess' in decision && decision.guess === 'wrong')
      wrongPasswords.add(address, valuesOf(fields, 'authorization').join())
    carryOut(decision, exchange, { next, clock })
  }
}

/** Takes out what belongs to the gate, of a request that comes past the rules: a replay of what a visitor sent. */
export function withoutGate(rules: () => AccessRules | undefined, next: AcceptExchange): AcceptExchange {
  return (exchange) => {
    const { request } = exchange
    next({ ...exchange, request: { ...request, ...withoutGateWords(request, rules() ?? {}) } })
  }
}

/** The same where nobody reads HTTP: only the address and the hour can be looked at. */
export function guardVisitors({ rules, addressSource, clock }: AccessScene, next: Accept): Accept {
  return (visitor) => {
    const address = addressSource() === 'connection' ? visitor.originator.address : ''
    const refusal = decideVisitor(rules() ?? {}, { address, now: clock.now() })
    if (refusal === undefined) next(visitor)
    else visitor.stream.destroy()
  }
}

function carryOut(
  decision: AccessDecision,
  exchange: Exchange,
  { next, clock }: { readonly next: AcceptExchange; readonly clock: Clock },
): void {
  switch (decision.kind) {
    case 'let in': {
      const { target, fields } = decision
      const { request } = exchange
      if (target === request.target && fields === request.fields) return next(exchange)
      next({ ...exchange, request: { ...request, target, fields } })
      return
    }
    case 'refuse':
      refuse(exchange, decision.refusal)
      return
    case 'ask': {
      if (decision.delayMs === 0) return refuse(exchange, { why: 'password' })
      const delay = clock.after(decision.delayMs, () => refuse(exchange, { why: 'password' }))
      exchange.response.onGone(() => delay.dispose())
      return
    }
    case 'redirect':
      drain(exchange)
      answer(exchange, {
        ...{ status: 303, reason: 'See Other', contentType: 'text/plain; charset=utf-8', body: '' },
        fields: [
          ['Location', decision.location],
          ['Set-Cookie', decision.cookie],
          // The page that is shown next must not tell others of the link.
          ['Referrer-Policy', 'no-referrer'],
        ],
        note: 'Came in by a shared link.',
      })
  }
}

function refuse(exchange: Exchange, refusal: Parameters<typeof refusalAnswer>[0]): void {
  const { fields, protocol } = exchange.request
  const own = refusalAnswer(refusal)
  // Who waits for 100 Continue may not send the body any more, and what follows would be taken for it.
  const isWaiting = protocol !== 'HTTP/2' && valuesOf(fields, 'expect').length > 0
  drain(exchange)
  answerByGate(exchange, { ...own, fields: [...(own.fields ?? []), ...(isWaiting ? [closing] : [])] })
}

const closing = ['Connection', 'close'] as const

/** What a refused visitor still sends is read, to keep the connection, but not for long. */
function drain({ request, response }: Exchange): void {
  let left = mostDrained
  request.body.on('data', (chunk: Uint8Array) => {
    left -= chunk.length
    if (left < 0) response.abort()
  })
}

const mostDrained = 1024 * 1024
