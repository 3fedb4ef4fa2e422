import fs from 'node:fs';
import { openDuckDb } from './src/adapters/engine/duckdb/index.ts';
import { CATALOGUE } from './src/metrics/catalogue.ts';
fs.rmSync('/tmp/proto/st',{recursive:true,force:true});
const db=await openDuckDb({dir:'/tmp/proto/st',archiveDirs:['/tmp/proto/ar'],catalogue:CATALOGUE,timeZone:'Europe/Berlin',config:{kind:'duckdb',threads:2,memory_mb:+(process.argv[3]??400)},now:Date.now});
const T=async(n,f)=>{const t=performance.now();const u=process.cpuUsage();const r=await f();const v=process.cpuUsage(u);console.log(n,Math.round(performance.now()-t),'ms cpu',Math.round((v.user+v.system)/1000),'rss',process.memoryUsage().rss/1e6|0);return r};
let off=0; const t0=performance.now();
for(const p of (process.argv[2]??'aa,ab,ac,ad').split(',')){
 const bytes=fs.readFileSync('/tmp/proto/part_'+p);
 const b=await T('parse',()=>db.parser.parse(0,off,off+500000,[{partition:0,firstOffset:off,lines:500000,receivedAtMs:Date.now(),source:'http',bytes}]));
 await T('apply',()=>db.engine.apply(b));
 const fl=await T('parquet',()=>db.parquet.write(b,'events',0,'/tmp/proto/ar/x'+off));
 if(off==0)console.log(fl);
 await db.parser.release(b); off+=500000;
}
console.log('total',performance.now()-t0|0, db.engine.ledger(), db.engine.dirtyWindows());
const now=Date.now();
for(const m of CATALOGUE){ const r=await T(m.name,()=>db.store.query({metric:m.name,window:m.windows.includes('1h')?'1h':'1d',fromMs:now-3*864e5,toMs:now+864e5,total:true,...(m.name==='products'?{top:3}:{})})); console.log(r.rows.length, JSON.stringify(r.rows[0]), JSON.stringify(r.total?.slice(0,3)), JSON.stringify(r.overall)); }
const ch=await T('changes',()=>db.store.changes(0,['traffic'],['1d','1h'])); console.log(ch.points.length);
await db.close(); console.log(fs.statSync('/tmp/proto/st/metrics.duckdb').size/1e6);
