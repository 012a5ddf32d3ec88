import assert from 'node:assert/strict'
import { plainText } from '../../../src/ui/plainText'

describe('plainText', () => {
  it('leaves nothing that VS Code makes a link or a command of', () => {
    // As VS Code looks for them (linkedText.ts).
    const link = /\[([^\]]+)\]\(((?:https?:\/\/|command:|file:)[^)\s]+)/i
    for (const said of ['[ok](command:workbench.action.terminal.new)', 'a [b](https://c) [d](file:///e)']) {
      assert.match(said, link)
      assert.doesNotMatch(plainText(said), link)
    }
    assert.equal(plainText('plain [text] (as it is)'), 'plain [text] (as it is)')
  })
})
