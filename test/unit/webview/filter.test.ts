import assert from 'node:assert/strict'
import type { ExchangeSummary } from '../../../src/http/capturedExchange'
import { filtered, noFilter, statusClassOf, type Filter } from '../../../src/webview/filter'
import { summary } from './summary'

describe('the filter of the inspector', () => {
  const list: ExchangeSummary[] = [
    summary({ id: 5, method: 'POST', target: '/webhook?a=1', status: 200 }),
    summary({ id: 4, method: 'GET', target: '/app.js', status: 304, contentType: 'text/javascript' }),
    summary({ id: 3, method: 'GET', target: '/api', status: 404, tunnelId: 2 }),
    summary({ id: 2, method: 'POST', target: '/api', status: 500, visitorAddress: '203.0.113.9' }),
    summary({ id: 1, method: 'GET', target: '/sse', status: undefined, state: 'open' }),
  ]

  const cases: [what: string, filter: Partial<Filter>, ids: number[]][] = [
    ['nothing', {}, [5, 4, 3, 2, 1]],
    ['spaces', { text: '  ' }, [5, 4, 3, 2, 1]],
    ['a word of the path, in any case', { text: 'WEBHOOK' }, [5]],
    ['words that all have to stand there', { text: 'get api' }, [3]],
    ['a word that must not', { text: 'api -404' }, [2]],
    ['a lone minus', { text: '-' }, [5, 4, 3, 2, 1]],
    ['a status', { text: '304' }, [4]],
    ['a content type', { text: 'javascript' }, [4]],
    ['an address', { text: '203.0.113' }, [2]],
    ['a class of status', { statuses: ['4xx'] }, [3]],
    ['several classes', { statuses: ['2xx', '5xx'] }, [5, 2]],
    ['no answer', { statuses: ['none'] }, [1]],
    ['a method', { method: 'POST' }, [5, 2]],
    ['a tunnel', { tunnelId: 2 }, [3]],
    ['all of them', { text: 'api', method: 'POST', statuses: ['5xx'], tunnelId: 1 }, [2]],
    ['what nothing has', { text: 'nowhere' }, []],
  ]
  for (const [what, filter, ids] of cases) {
    it(`lets through by ${what}`, () =>
      assert.deepEqual(
        filtered(list, { ...noFilter, ...filter }).map(({ id }) => id),
        ids,
      ))
  }

  it('takes an answer that broke off for none, and a switch of protocols as well done', () => {
    assert.equal(statusClassOf({ status: 200, state: 'broken off' }), 'none')
    assert.equal(statusClassOf({ status: 101, state: 'open' }), '2xx')
  })
})
