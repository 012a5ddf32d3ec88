// As in https://github.com/octokit/webhooks.js
import { createServer } from 'node:http'
import { createNodeMiddleware, Webhooks } from '@octokit/webhooks'

const webhooks = new Webhooks({ secret: process.env.GITHUB_WEBHOOK_SECRET })
webhooks.on('push', ({ payload }) => console.log(`pushed ${payload.ref}`))
createServer(createNodeMiddleware(webhooks, { path: '/api/github/webhooks' })).listen(
  Number(process.env.PORT),
  '127.0.0.1',
  () => console.log('the bot is up'),
)
