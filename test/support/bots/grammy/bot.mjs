// As in https://grammy.dev/guide/deployment-types
import { createServer } from 'node:http'
import { Bot, webhookCallback } from 'grammy'

const bot = new Bot(process.env.BOT_TOKEN, { client: { apiRoot: process.env.TELEGRAM_URL } })
bot.on('message:text', (context) => context.reply(`You said: ${context.message.text}`))
const receive = webhookCallback(bot, 'http', { secretToken: process.env.SECRET_TOKEN })
createServer((request, response) => {
  if (request.url === '/telegram') receive(request, response)
  else response.writeHead(404).end()
}).listen(Number(process.env.PORT), '127.0.0.1', () => console.log('the bot is up'))
