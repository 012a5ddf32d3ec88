// The order counts: see lendReflectMetadata. Imported dynamically, because only who makes certificates needs it.
import { takeBack } from './lendReflectMetadata'
import * as x509 from '@peculiar/x509'

takeBack()

export { x509 }
