// Generated from schema/plan.schema.json by `npm run generate`.

export const validatePlan = validate20;
const schema31 = {"$schema":"https://json-schema.org/draft/2020-12/schema","$id":"urn:mkplan:plan:1.0","title":"SavedPlan","description":"A plan that `mkplan plan --out FILE` wrote. Readers ignore fields that they do not know, and refuse another major formatVersion.","type":"object","required":["formatVersion","kind","hash","host","plan"],"properties":{"formatVersion":{"description":"Major and minor version of this form.","type":"string","pattern":"^1\\.[0-9]+$"},"kind":{"const":"Plan"},"hash":{"description":"SHA-256 over the rest of the document: JSON without blanks, the keys of every object sorted.","type":"string","pattern":"^sha256:[0-9a-f]{64}$"},"host":{"description":"The host, boot and network namespace whose routing table the plan was made from.","type":"object","required":["platform","bootId","networkNamespace"],"properties":{"platform":{"$ref":"#/$defs/platform"},"bootId":{"type":"string"},"networkNamespace":{"type":"string"}}},"plan":{"$ref":"#/$defs/plan"}},"$defs":{"platform":{"enum":["linux","darwin","win32"]},"strings":{"type":"array","items":{"type":"string"}},"action":{"enum":["create","replace","delete","adopt","forget","none"]},"purpose":{"description":"What a route is for; guard closes a pool behind its allocated addresses.","enum":["services","pods","load-balancer","guard"]},"plan":{"type":"object","required":["name","spec","mode","platform","profiles","services","steps","reports","waves","conflicts","approvals","unproven","diagnostics","localOverrides","fingerprint"],"properties":{"name":{"type":"string"},"spec":{"description":"Absolute path of the spec.","type":"string"},"mode":{"enum":["present","absent"]},"platform":{"$ref":"#/$defs/platform"},"profiles":{"type":"array","items":{"$ref":"#/$defs/profile"}},"services":{"type":"array","items":{"$ref":"#/$defs/service"}},"steps":{"type":"array","items":{"oneOf":[{"$ref":"#/$defs/routeStep"},{"$ref":"#/$defs/serviceStep"}]}},"reports":{"description":"Conditions of Services whose addresses stay as they are; written once the plan is committed.","type":"array","items":{"$ref":"#/$defs/serviceReport"}},"waves":{"description":"Changes in the order of execution; those of one wave are independent of each other.","type":"array","items":{"type":"array","items":{"$ref":"#/$defs/change"}}},"conflicts":{"type":"array","items":{"$ref":"#/$defs/conflict"}},"approvals":{"type":"array","items":{"$ref":"#/$defs/approval"}},"unproven":{"type":"array","items":{"$ref":"#/$defs/unproven"}},"diagnostics":{"type":"array","items":{"$ref":"#/$defs/diagnostic"}},"localOverrides":{"$ref":"#/$defs/strings"},"fingerprint":{"type":"string"}}},"sourced":{"type":"array","items":{"type":"object","required":["cidr","source"],"properties":{"cidr":{"type":"string"},"source":{"type":"string"}}}},"profile":{"type":"object","required":["name","gateways","services","pods"],"properties":{"name":{"type":"string"},"gateways":{"type":"array","items":{"type":"object","required":["address","source"],"properties":{"address":{"type":"string"},"source":{"type":"string"}}}},"services":{"$ref":"#/$defs/sourced"},"pods":{"$ref":"#/$defs/sourced"}}},"service":{"description":"What becomes of one LoadBalancer Service.","type":"object","required":["profile","namespace","name","state","addresses","reason"],"properties":{"profile":{"type":"string"},"namespace":{"type":"string"},"name":{"type":"string"},"state":{"enum":["served","pending","foreign","other-class","unclassed"]},"addresses":{"$ref":"#/$defs/strings"},"reason":{"type":"string"}}},"route":{"description":"A route as the kernel shows it; unicast, table main (254) and every 0 are left out.","type":"object","required":["destination"],"properties":{"destination":{"description":"Canonical CIDR.","type":"string"},"type":{"type":"string"},"gateway":{"type":"string"},"device":{"type":"string"},"metric":{"type":"integer","minimum":0},"protocol":{"type":"integer","minimum":0},"table":{"type":"integer","minimum":0},"tos":{"type":"integer","minimum":0},"nextHops":{"type":"array","items":{"type":"object","required":["gateway","device","weight"],"properties":{"gateway":{"type":["string","null"]},"device":{"type":["string","null"]},"weight":{"type":"integer"}}}}}},"routeOrNull":{"oneOf":[{"$ref":"#/$defs/route"},{"type":"null"}]},"routeStep":{"type":"object","required":["kind","action","profile","purpose","reason","before","after","inverse","precondition"],"properties":{"kind":{"const":"route"},"action":{"$ref":"#/$defs/action"},"profile":{"type":"string"},"purpose":{"$ref":"#/$defs/purpose"},"reason":{"description":"For people; nothing steers by it.","type":"string"},"before":{"$ref":"#/$defs/routeOrNull"},"after":{"$ref":"#/$defs/routeOrNull"},"inverse":{"type":"object","required":["action","before","after"],"properties":{"action":{"$ref":"#/$defs/action"},"before":{"$ref":"#/$defs/routeOrNull"},"after":{"$ref":"#/$defs/routeOrNull"}}},"precondition":{"description":"Keys of routes that must, and that must not, be in the table when the step starts.","type":"object","required":["present","absent"],"properties":{"present":{"$ref":"#/$defs/strings"},"absent":{"$ref":"#/$defs/strings"}}}}},"serviceStep":{"type":"object","required":["kind","action","profile","namespace","name","uid","resourceVersion","reason","before","after","inverse","condition","events"],"properties":{"kind":{"const":"service"},"action":{"enum":["create","replace","delete","none"]},"profile":{"type":"string"},"namespace":{"type":"string"},"name":{"type":"string"},"uid":{"type":"string"},"resourceVersion":{"type":"string"},"reason":{"description":"For people; nothing steers by it.","type":"string"},"before":{"$ref":"#/$defs/strings"},"after":{"$ref":"#/$defs/strings"},"inverse":{"type":"object","required":["action","before","after"],"properties":{"action":{"enum":["create","replace","delete","none"]},"before":{"$ref":"#/$defs/strings"},"after":{"$ref":"#/$defs/strings"}}},"condition":{"$ref":"#/$defs/conditionChange"},"events":{"$ref":"#/$defs/serviceEvents"}}},"serviceReport":{"type":"object","required":["profile","namespace","name","uid","resourceVersion","addresses","condition","events"],"properties":{"profile":{"type":"string"},"namespace":{"type":"string"},"name":{"type":"string"},"uid":{"type":"string"},"resourceVersion":{"type":"string"},"addresses":{"$ref":"#/$defs/strings"},"condition":{"$ref":"#/$defs/conditionChange"},"events":{"$ref":"#/$defs/serviceEvents"}}},"conditionChange":{"description":"The condition mkplan/IPAllocated of the Service.","type":"object","required":["before","after"],"properties":{"before":{"$ref":"#/$defs/conditionOrNull"},"after":{"$ref":"#/$defs/conditionOrNull"}}},"conditionOrNull":{"type":["object","null"],"required":["status","reason","message","lastTransitionTime"],"properties":{"status":{"enum":["True","False","Unknown"]},"reason":{"type":"string"},"message":{"type":"string"},"lastTransitionTime":{"description":"RFC 3339, UTC; null for the moment at which it is written.","type":["string","null"]}}},"serviceEvents":{"description":"Events that are written about the Service once the plan is committed.","type":"array","items":{"type":"object","required":["type","reason","message"],"properties":{"type":{"enum":["Normal","Warning"]},"reason":{"enum":["IPAllocated","AllocationFailed","ClearAssignment"]},"message":{"type":"string"}}}},"change":{"type":"object","required":["step","op"],"properties":{"step":{"description":"Index into steps.","type":"integer","minimum":0},"op":{"enum":["clear","add","delete","assign"]}}},"position":{"description":"Lines and columns count from 1.","type":"object","required":["file","line","column"],"properties":{"file":{"type":"string"},"line":{"type":"integer","minimum":1},"column":{"type":"integer","minimum":1}}},"conflict":{"type":"object","required":["relation","profile","purpose","destination","foreign","owner","disputed","winner","outcome","summary","resolution"],"properties":{"relation":{"enum":["conflict","inside","covers","on-link","gateway-inside","preempted","critical","forbidden","shared"]},"profile":{"type":"string"},"purpose":{"$ref":"#/$defs/purpose"},"destination":{"type":"string"},"foreign":{"$ref":"#/$defs/routeOrNull"},"owner":{"type":"string"},"disputed":{"type":"string"},"winner":{"type":"string"},"outcome":{"enum":["refused","skipped","warned"]},"summary":{"type":"string"},"resolution":{"type":"string"},"at":{"$ref":"#/$defs/position"}}},"approval":{"type":"object","required":["kind","profile","subject","why"],"properties":{"kind":{"enum":["context","gateway","wide","unconfirmed","covers","shadow","minikube"]},"profile":{"type":"string"},"subject":{"type":"string"},"why":{"type":"string"},"byPolicy":{"description":"Given by the host's own policy.","const":true}}},"unproven":{"description":"A route that carries our protocol without a matching claim; never touched.","type":"object","required":["route","reason"],"properties":{"route":{"$ref":"#/$defs/route"},"reason":{"type":"string"}}},"diagnostic":{"type":"object","required":["code","severity","summary","cause","fix"],"properties":{"code":{"type":"string"},"severity":{"enum":["error","warning"]},"summary":{"type":"string"},"cause":{"type":"string"},"fix":{"type":"string"},"command":{"type":"string"},"at":{"$ref":"#/$defs/position"},"profile":{"type":"string"}}}}};
const schema32 = {"enum":["linux","darwin","win32"]};
const pattern4 = new RegExp("^1\\.[0-9]+$", "u");
const pattern5 = new RegExp("^sha256:[0-9a-f]{64}$", "u");
const schema33 = {"type":"object","required":["name","spec","mode","platform","profiles","services","steps","reports","waves","conflicts","approvals","unproven","diagnostics","localOverrides","fingerprint"],"properties":{"name":{"type":"string"},"spec":{"description":"Absolute path of the spec.","type":"string"},"mode":{"enum":["present","absent"]},"platform":{"$ref":"#/$defs/platform"},"profiles":{"type":"array","items":{"$ref":"#/$defs/profile"}},"services":{"type":"array","items":{"$ref":"#/$defs/service"}},"steps":{"type":"array","items":{"oneOf":[{"$ref":"#/$defs/routeStep"},{"$ref":"#/$defs/serviceStep"}]}},"reports":{"description":"Conditions of Services whose addresses stay as they are; written once the plan is committed.","type":"array","items":{"$ref":"#/$defs/serviceReport"}},"waves":{"description":"Changes in the order of execution; those of one wave are independent of each other.","type":"array","items":{"type":"array","items":{"$ref":"#/$defs/change"}}},"conflicts":{"type":"array","items":{"$ref":"#/$defs/conflict"}},"approvals":{"type":"array","items":{"$ref":"#/$defs/approval"}},"unproven":{"type":"array","items":{"$ref":"#/$defs/unproven"}},"diagnostics":{"type":"array","items":{"$ref":"#/$defs/diagnostic"}},"localOverrides":{"$ref":"#/$defs/strings"},"fingerprint":{"type":"string"}}};
const schema60 = {"type":"object","required":["step","op"],"properties":{"step":{"description":"Index into steps.","type":"integer","minimum":0},"op":{"enum":["clear","add","delete","assign"]}}};
const schema64 = {"type":"object","required":["kind","profile","subject","why"],"properties":{"kind":{"enum":["context","gateway","wide","unconfirmed","covers","shadow","minikube"]},"profile":{"type":"string"},"subject":{"type":"string"},"why":{"type":"string"},"byPolicy":{"description":"Given by the host's own policy.","const":true}}};
const schema39 = {"type":"array","items":{"type":"string"}};
const schema35 = {"type":"object","required":["name","gateways","services","pods"],"properties":{"name":{"type":"string"},"gateways":{"type":"array","items":{"type":"object","required":["address","source"],"properties":{"address":{"type":"string"},"source":{"type":"string"}}}},"services":{"$ref":"#/$defs/sourced"},"pods":{"$ref":"#/$defs/sourced"}}};
const schema36 = {"type":"array","items":{"type":"object","required":["cidr","source"],"properties":{"cidr":{"type":"string"},"source":{"type":"string"}}}};

function validate22(data, {instancePath="", parentData, parentDataProperty, rootData=data, dynamicAnchors={}}={}){
let vErrors = null;
let errors = 0;
const evaluated0 = validate22.evaluated;
if(evaluated0.dynamicProps){
evaluated0.props = undefined;
}
if(evaluated0.dynamicItems){
evaluated0.items = undefined;
}
if(errors === 0){
if(data && typeof data == "object" && !Array.isArray(data)){
let missing0;
if(((((data.name === undefined) && (missing0 = "name")) || ((data.gateways === undefined) && (missing0 = "gateways"))) || ((data.services === undefined) && (missing0 = "services"))) || ((data.pods === undefined) && (missing0 = "pods"))){
validate22.errors = [{instancePath,schemaPath:"#/required",keyword:"required",params:{missingProperty: missing0},message:"must have required property '"+missing0+"'"}];
return false;
}
else {
if(data.name !== undefined){
const _errs1 = errors;
if(typeof data.name !== "string"){
validate22.errors = [{instancePath:instancePath+"/name",schemaPath:"#/properties/name/type",keyword:"type",params:{type: "string"},message:"must be string"}];
return false;
}
var valid0 = _errs1 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.gateways !== undefined){
let data1 = data.gateways;
const _errs3 = errors;
if(errors === _errs3){
if(Array.isArray(data1)){
var valid1 = true;
const len0 = data1.length;
for(let i0=0; i0<len0; i0++){
let data2 = data1[i0];
const _errs5 = errors;
if(errors === _errs5){
if(data2 && typeof data2 == "object" && !Array.isArray(data2)){
let missing1;
if(((data2.address === undefined) && (missing1 = "address")) || ((data2.source === undefined) && (missing1 = "source"))){
validate22.errors = [{instancePath:instancePath+"/gateways/" + i0,schemaPath:"#/properties/gateways/items/required",keyword:"required",params:{missingProperty: missing1},message:"must have required property '"+missing1+"'"}];
return false;
}
else {
if(data2.address !== undefined){
const _errs7 = errors;
if(typeof data2.address !== "string"){
validate22.errors = [{instancePath:instancePath+"/gateways/" + i0+"/address",schemaPath:"#/properties/gateways/items/properties/address/type",keyword:"type",params:{type: "string"},message:"must be string"}];
return false;
}
var valid2 = _errs7 === errors;
}
else {
var valid2 = true;
}
if(valid2){
if(data2.source !== undefined){
const _errs9 = errors;
if(typeof data2.source !== "string"){
validate22.errors = [{instancePath:instancePath+"/gateways/" + i0+"/source",schemaPath:"#/properties/gateways/items/properties/source/type",keyword:"type",params:{type: "string"},message:"must be string"}];
return false;
}
var valid2 = _errs9 === errors;
}
else {
var valid2 = true;
}
}
}
}
else {
validate22.errors = [{instancePath:instancePath+"/gateways/" + i0,schemaPath:"#/properties/gateways/items/type",keyword:"type",params:{type: "object"},message:"must be object"}];
return false;
}
}
var valid1 = _errs5 === errors;
if(!valid1){
break;
}
}
}
else {
validate22.errors = [{instancePath:instancePath+"/gateways",schemaPath:"#/properties/gateways/type",keyword:"type",params:{type: "array"},message:"must be array"}];
return false;
}
}
var valid0 = _errs3 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.services !== undefined){
let data5 = data.services;
const _errs11 = errors;
const _errs12 = errors;
if(errors === _errs12){
if(Array.isArray(data5)){
var valid4 = true;
const len1 = data5.length;
for(let i1=0; i1<len1; i1++){
let data6 = data5[i1];
const _errs14 = errors;
if(errors === _errs14){
if(data6 && typeof data6 == "object" && !Array.isArray(data6)){
let missing2;
if(((data6.cidr === undefined) && (missing2 = "cidr")) || ((data6.source === undefined) && (missing2 = "source"))){
validate22.errors = [{instancePath:instancePath+"/services/" + i1,schemaPath:"#/$defs/sourced/items/required",keyword:"required",params:{missingProperty: missing2},message:"must have required property '"+missing2+"'"}];
return false;
}
else {
if(data6.cidr !== undefined){
const _errs16 = errors;
if(typeof data6.cidr !== "string"){
validate22.errors = [{instancePath:instancePath+"/services/" + i1+"/cidr",schemaPath:"#/$defs/sourced/items/properties/cidr/type",keyword:"type",params:{type: "string"},message:"must be string"}];
return false;
}
var valid5 = _errs16 === errors;
}
else {
var valid5 = true;
}
if(valid5){
if(data6.source !== undefined){
const _errs18 = errors;
if(typeof data6.source !== "string"){
validate22.errors = [{instancePath:instancePath+"/services/" + i1+"/source",schemaPath:"#/$defs/sourced/items/properties/source/type",keyword:"type",params:{type: "string"},message:"must be string"}];
return false;
}
var valid5 = _errs18 === errors;
}
else {
var valid5 = true;
}
}
}
}
else {
validate22.errors = [{instancePath:instancePath+"/services/" + i1,schemaPath:"#/$defs/sourced/items/type",keyword:"type",params:{type: "object"},message:"must be object"}];
return false;
}
}
var valid4 = _errs14 === errors;
if(!valid4){
break;
}
}
}
else {
validate22.errors = [{instancePath:instancePath+"/services",schemaPath:"#/$defs/sourced/type",keyword:"type",params:{type: "array"},message:"must be array"}];
return false;
}
}
var valid0 = _errs11 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.pods !== undefined){
let data9 = data.pods;
const _errs20 = errors;
const _errs21 = errors;
if(errors === _errs21){
if(Array.isArray(data9)){
var valid7 = true;
const len2 = data9.length;
for(let i2=0; i2<len2; i2++){
let data10 = data9[i2];
const _errs23 = errors;
if(errors === _errs23){
if(data10 && typeof data10 == "object" && !Array.isArray(data10)){
let missing3;
if(((data10.cidr === undefined) && (missing3 = "cidr")) || ((data10.source === undefined) && (missing3 = "source"))){
validate22.errors = [{instancePath:instancePath+"/pods/" + i2,schemaPath:"#/$defs/sourced/items/required",keyword:"required",params:{missingProperty: missing3},message:"must have required property '"+missing3+"'"}];
return false;
}
else {
if(data10.cidr !== undefined){
const _errs25 = errors;
if(typeof data10.cidr !== "string"){
validate22.errors = [{instancePath:instancePath+"/pods/" + i2+"/cidr",schemaPath:"#/$defs/sourced/items/properties/cidr/type",keyword:"type",params:{type: "string"},message:"must be string"}];
return false;
}
var valid8 = _errs25 === errors;
}
else {
var valid8 = true;
}
if(valid8){
if(data10.source !== undefined){
const _errs27 = errors;
if(typeof data10.source !== "string"){
validate22.errors = [{instancePath:instancePath+"/pods/" + i2+"/source",schemaPath:"#/$defs/sourced/items/properties/source/type",keyword:"type",params:{type: "string"},message:"must be string"}];
return false;
}
var valid8 = _errs27 === errors;
}
else {
var valid8 = true;
}
}
}
}
else {
validate22.errors = [{instancePath:instancePath+"/pods/" + i2,schemaPath:"#/$defs/sourced/items/type",keyword:"type",params:{type: "object"},message:"must be object"}];
return false;
}
}
var valid7 = _errs23 === errors;
if(!valid7){
break;
}
}
}
else {
validate22.errors = [{instancePath:instancePath+"/pods",schemaPath:"#/$defs/sourced/type",keyword:"type",params:{type: "array"},message:"must be array"}];
return false;
}
}
var valid0 = _errs20 === errors;
}
else {
var valid0 = true;
}
}
}
}
}
}
else {
validate22.errors = [{instancePath,schemaPath:"#/type",keyword:"type",params:{type: "object"},message:"must be object"}];
return false;
}
}
validate22.errors = vErrors;
return errors === 0;
}
validate22.evaluated = {"props":{"name":true,"gateways":true,"services":true,"pods":true},"dynamicProps":false,"dynamicItems":false};

const schema38 = {"description":"What becomes of one LoadBalancer Service.","type":"object","required":["profile","namespace","name","state","addresses","reason"],"properties":{"profile":{"type":"string"},"namespace":{"type":"string"},"name":{"type":"string"},"state":{"enum":["served","pending","foreign","other-class","unclassed"]},"addresses":{"$ref":"#/$defs/strings"},"reason":{"type":"string"}}};

function validate24(data, {instancePath="", parentData, parentDataProperty, rootData=data, dynamicAnchors={}}={}){
let vErrors = null;
let errors = 0;
const evaluated0 = validate24.evaluated;
if(evaluated0.dynamicProps){
evaluated0.props = undefined;
}
if(evaluated0.dynamicItems){
evaluated0.items = undefined;
}
if(errors === 0){
if(data && typeof data == "object" && !Array.isArray(data)){
let missing0;
if(((((((data.profile === undefined) && (missing0 = "profile")) || ((data.namespace === undefined) && (missing0 = "namespace"))) || ((data.name === undefined) && (missing0 = "name"))) || ((data.state === undefined) && (missing0 = "state"))) || ((data.addresses === undefined) && (missing0 = "addresses"))) || ((data.reason === undefined) && (missing0 = "reason"))){
validate24.errors = [{instancePath,schemaPath:"#/required",keyword:"required",params:{missingProperty: missing0},message:"must have required property '"+missing0+"'"}];
return false;
}
else {
if(data.profile !== undefined){
const _errs1 = errors;
if(typeof data.profile !== "string"){
validate24.errors = [{instancePath:instancePath+"/profile",schemaPath:"#/properties/profile/type",keyword:"type",params:{type: "string"},message:"must be string"}];
return false;
}
var valid0 = _errs1 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.namespace !== undefined){
const _errs3 = errors;
if(typeof data.namespace !== "string"){
validate24.errors = [{instancePath:instancePath+"/namespace",schemaPath:"#/properties/namespace/type",keyword:"type",params:{type: "string"},message:"must be string"}];
return false;
}
var valid0 = _errs3 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.name !== undefined){
const _errs5 = errors;
if(typeof data.name !== "string"){
validate24.errors = [{instancePath:instancePath+"/name",schemaPath:"#/properties/name/type",keyword:"type",params:{type: "string"},message:"must be string"}];
return false;
}
var valid0 = _errs5 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.state !== undefined){
let data3 = data.state;
const _errs7 = errors;
if(!(((((data3 === "served") || (data3 === "pending")) || (data3 === "foreign")) || (data3 === "other-class")) || (data3 === "unclassed"))){
validate24.errors = [{instancePath:instancePath+"/state",schemaPath:"#/properties/state/enum",keyword:"enum",params:{allowedValues: schema38.properties.state.enum},message:"must be equal to one of the allowed values"}];
return false;
}
var valid0 = _errs7 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.addresses !== undefined){
let data4 = data.addresses;
const _errs8 = errors;
const _errs9 = errors;
if(errors === _errs9){
if(Array.isArray(data4)){
var valid2 = true;
const len0 = data4.length;
for(let i0=0; i0<len0; i0++){
const _errs11 = errors;
if(typeof data4[i0] !== "string"){
validate24.errors = [{instancePath:instancePath+"/addresses/" + i0,schemaPath:"#/$defs/strings/items/type",keyword:"type",params:{type: "string"},message:"must be string"}];
return false;
}
var valid2 = _errs11 === errors;
if(!valid2){
break;
}
}
}
else {
validate24.errors = [{instancePath:instancePath+"/addresses",schemaPath:"#/$defs/strings/type",keyword:"type",params:{type: "array"},message:"must be array"}];
return false;
}
}
var valid0 = _errs8 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.reason !== undefined){
const _errs13 = errors;
if(typeof data.reason !== "string"){
validate24.errors = [{instancePath:instancePath+"/reason",schemaPath:"#/properties/reason/type",keyword:"type",params:{type: "string"},message:"must be string"}];
return false;
}
var valid0 = _errs13 === errors;
}
else {
var valid0 = true;
}
}
}
}
}
}
}
}
else {
validate24.errors = [{instancePath,schemaPath:"#/type",keyword:"type",params:{type: "object"},message:"must be object"}];
return false;
}
}
validate24.errors = vErrors;
return errors === 0;
}
validate24.evaluated = {"props":{"profile":true,"namespace":true,"name":true,"state":true,"addresses":true,"reason":true},"dynamicProps":false,"dynamicItems":false};

const schema40 = {"type":"object","required":["kind","action","profile","purpose","reason","before","after","inverse","precondition"],"properties":{"kind":{"const":"route"},"action":{"$ref":"#/$defs/action"},"profile":{"type":"string"},"purpose":{"$ref":"#/$defs/purpose"},"reason":{"description":"For people; nothing steers by it.","type":"string"},"before":{"$ref":"#/$defs/routeOrNull"},"after":{"$ref":"#/$defs/routeOrNull"},"inverse":{"type":"object","required":["action","before","after"],"properties":{"action":{"$ref":"#/$defs/action"},"before":{"$ref":"#/$defs/routeOrNull"},"after":{"$ref":"#/$defs/routeOrNull"}}},"precondition":{"description":"Keys of routes that must, and that must not, be in the table when the step starts.","type":"object","required":["present","absent"],"properties":{"present":{"$ref":"#/$defs/strings"},"absent":{"$ref":"#/$defs/strings"}}}}};
const schema41 = {"enum":["create","replace","delete","adopt","forget","none"]};
const schema42 = {"description":"What a route is for; guard closes a pool behind its allocated addresses.","enum":["services","pods","load-balancer","guard"]};
const schema43 = {"oneOf":[{"$ref":"#/$defs/route"},{"type":"null"}]};
const schema44 = {"description":"A route as the kernel shows it; unicast, table main (254) and every 0 are left out.","type":"object","required":["destination"],"properties":{"destination":{"description":"Canonical CIDR.","type":"string"},"type":{"type":"string"},"gateway":{"type":"string"},"device":{"type":"string"},"metric":{"type":"integer","minimum":0},"protocol":{"type":"integer","minimum":0},"table":{"type":"integer","minimum":0},"tos":{"type":"integer","minimum":0},"nextHops":{"type":"array","items":{"type":"object","required":["gateway","device","weight"],"properties":{"gateway":{"type":["string","null"]},"device":{"type":["string","null"]},"weight":{"type":"integer"}}}}}};

function validate27(data, {instancePath="", parentData, parentDataProperty, rootData=data, dynamicAnchors={}}={}){
let vErrors = null;
let errors = 0;
const evaluated0 = validate27.evaluated;
if(evaluated0.dynamicProps){
evaluated0.props = undefined;
}
if(evaluated0.dynamicItems){
evaluated0.items = undefined;
}
const _errs0 = errors;
let valid0 = false;
let passing0 = null;
const _errs1 = errors;
const _errs2 = errors;
if(errors === _errs2){
if(data && typeof data == "object" && !Array.isArray(data)){
let missing0;
if((data.destination === undefined) && (missing0 = "destination")){
const err0 = {instancePath,schemaPath:"#/$defs/route/required",keyword:"required",params:{missingProperty: missing0},message:"must have required property '"+missing0+"'"};
if(vErrors === null){
vErrors = [err0];
}
else {
vErrors.push(err0);
}
errors++;
}
else {
if(data.destination !== undefined){
const _errs4 = errors;
if(typeof data.destination !== "string"){
const err1 = {instancePath:instancePath+"/destination",schemaPath:"#/$defs/route/properties/destination/type",keyword:"type",params:{type: "string"},message:"must be string"};
if(vErrors === null){
vErrors = [err1];
}
else {
vErrors.push(err1);
}
errors++;
}
var valid2 = _errs4 === errors;
}
else {
var valid2 = true;
}
if(valid2){
if(data.type !== undefined){
const _errs6 = errors;
if(typeof data.type !== "string"){
const err2 = {instancePath:instancePath+"/type",schemaPath:"#/$defs/route/properties/type/type",keyword:"type",params:{type: "string"},message:"must be string"};
if(vErrors === null){
vErrors = [err2];
}
else {
vErrors.push(err2);
}
errors++;
}
var valid2 = _errs6 === errors;
}
else {
var valid2 = true;
}
if(valid2){
if(data.gateway !== undefined){
const _errs8 = errors;
if(typeof data.gateway !== "string"){
const err3 = {instancePath:instancePath+"/gateway",schemaPath:"#/$defs/route/properties/gateway/type",keyword:"type",params:{type: "string"},message:"must be string"};
if(vErrors === null){
vErrors = [err3];
}
else {
vErrors.push(err3);
}
errors++;
}
var valid2 = _errs8 === errors;
}
else {
var valid2 = true;
}
if(valid2){
if(data.device !== undefined){
const _errs10 = errors;
if(typeof data.device !== "string"){
const err4 = {instancePath:instancePath+"/device",schemaPath:"#/$defs/route/properties/device/type",keyword:"type",params:{type: "string"},message:"must be string"};
if(vErrors === null){
vErrors = [err4];
}
else {
vErrors.push(err4);
}
errors++;
}
var valid2 = _errs10 === errors;
}
else {
var valid2 = true;
}
if(valid2){
if(data.metric !== undefined){
let data4 = data.metric;
const _errs12 = errors;
if(!(((typeof data4 == "number") && (!(data4 % 1) && !isNaN(data4))) && (isFinite(data4)))){
const err5 = {instancePath:instancePath+"/metric",schemaPath:"#/$defs/route/properties/metric/type",keyword:"type",params:{type: "integer"},message:"must be integer"};
if(vErrors === null){
vErrors = [err5];
}
else {
vErrors.push(err5);
}
errors++;
}
if(errors === _errs12){
if((typeof data4 == "number") && (isFinite(data4))){
if(data4 < 0 || isNaN(data4)){
const err6 = {instancePath:instancePath+"/metric",schemaPath:"#/$defs/route/properties/metric/minimum",keyword:"minimum",params:{comparison: ">=", limit: 0},message:"must be >= 0"};
if(vErrors === null){
vErrors = [err6];
}
else {
vErrors.push(err6);
}
errors++;
}
}
}
var valid2 = _errs12 === errors;
}
else {
var valid2 = true;
}
if(valid2){
if(data.protocol !== undefined){
let data5 = data.protocol;
const _errs14 = errors;
if(!(((typeof data5 == "number") && (!(data5 % 1) && !isNaN(data5))) && (isFinite(data5)))){
const err7 = {instancePath:instancePath+"/protocol",schemaPath:"#/$defs/route/properties/protocol/type",keyword:"type",params:{type: "integer"},message:"must be integer"};
if(vErrors === null){
vErrors = [err7];
}
else {
vErrors.push(err7);
}
errors++;
}
if(errors === _errs14){
if((typeof data5 == "number") && (isFinite(data5))){
if(data5 < 0 || isNaN(data5)){
const err8 = {instancePath:instancePath+"/protocol",schemaPath:"#/$defs/route/properties/protocol/minimum",keyword:"minimum",params:{comparison: ">=", limit: 0},message:"must be >= 0"};
if(vErrors === null){
vErrors = [err8];
}
else {
vErrors.push(err8);
}
errors++;
}
}
}
var valid2 = _errs14 === errors;
}
else {
var valid2 = true;
}
if(valid2){
if(data.table !== undefined){
let data6 = data.table;
const _errs16 = errors;
if(!(((typeof data6 == "number") && (!(data6 % 1) && !isNaN(data6))) && (isFinite(data6)))){
const err9 = {instancePath:instancePath+"/table",schemaPath:"#/$defs/route/properties/table/type",keyword:"type",params:{type: "integer"},message:"must be integer"};
if(vErrors === null){
vErrors = [err9];
}
else {
vErrors.push(err9);
}
errors++;
}
if(errors === _errs16){
if((typeof data6 == "number") && (isFinite(data6))){
if(data6 < 0 || isNaN(data6)){
const err10 = {instancePath:instancePath+"/table",schemaPath:"#/$defs/route/properties/table/minimum",keyword:"minimum",params:{comparison: ">=", limit: 0},message:"must be >= 0"};
if(vErrors === null){
vErrors = [err10];
}
else {
vErrors.push(err10);
}
errors++;
}
}
}
var valid2 = _errs16 === errors;
}
else {
var valid2 = true;
}
if(valid2){
if(data.tos !== undefined){
let data7 = data.tos;
const _errs18 = errors;
if(!(((typeof data7 == "number") && (!(data7 % 1) && !isNaN(data7))) && (isFinite(data7)))){
const err11 = {instancePath:instancePath+"/tos",schemaPath:"#/$defs/route/properties/tos/type",keyword:"type",params:{type: "integer"},message:"must be integer"};
if(vErrors === null){
vErrors = [err11];
}
else {
vErrors.push(err11);
}
errors++;
}
if(errors === _errs18){
if((typeof data7 == "number") && (isFinite(data7))){
if(data7 < 0 || isNaN(data7)){
const err12 = {instancePath:instancePath+"/tos",schemaPath:"#/$defs/route/properties/tos/minimum",keyword:"minimum",params:{comparison: ">=", limit: 0},message:"must be >= 0"};
if(vErrors === null){
vErrors = [err12];
}
else {
vErrors.push(err12);
}
errors++;
}
}
}
var valid2 = _errs18 === errors;
}
else {
var valid2 = true;
}
if(valid2){
if(data.nextHops !== undefined){
let data8 = data.nextHops;
const _errs20 = errors;
if(errors === _errs20){
if(Array.isArray(data8)){
var valid3 = true;
const len0 = data8.length;
for(let i0=0; i0<len0; i0++){
let data9 = data8[i0];
const _errs22 = errors;
if(errors === _errs22){
if(data9 && typeof data9 == "object" && !Array.isArray(data9)){
let missing1;
if((((data9.gateway === undefined) && (missing1 = "gateway")) || ((data9.device === undefined) && (missing1 = "device"))) || ((data9.weight === undefined) && (missing1 = "weight"))){
const err13 = {instancePath:instancePath+"/nextHops/" + i0,schemaPath:"#/$defs/route/properties/nextHops/items/required",keyword:"required",params:{missingProperty: missing1},message:"must have required property '"+missing1+"'"};
if(vErrors === null){
vErrors = [err13];
}
else {
vErrors.push(err13);
}
errors++;
}
else {
if(data9.gateway !== undefined){
let data10 = data9.gateway;
const _errs24 = errors;
if((typeof data10 !== "string") && (data10 !== null)){
const err14 = {instancePath:instancePath+"/nextHops/" + i0+"/gateway",schemaPath:"#/$defs/route/properties/nextHops/items/properties/gateway/type",keyword:"type",params:{type: schema44.properties.nextHops.items.properties.gateway.type},message:"must be string,null"};
if(vErrors === null){
vErrors = [err14];
}
else {
vErrors.push(err14);
}
errors++;
}
var valid4 = _errs24 === errors;
}
else {
var valid4 = true;
}
if(valid4){
if(data9.device !== undefined){
let data11 = data9.device;
const _errs26 = errors;
if((typeof data11 !== "string") && (data11 !== null)){
const err15 = {instancePath:instancePath+"/nextHops/" + i0+"/device",schemaPath:"#/$defs/route/properties/nextHops/items/properties/device/type",keyword:"type",params:{type: schema44.properties.nextHops.items.properties.device.type},message:"must be string,null"};
if(vErrors === null){
vErrors = [err15];
}
else {
vErrors.push(err15);
}
errors++;
}
var valid4 = _errs26 === errors;
}
else {
var valid4 = true;
}
if(valid4){
if(data9.weight !== undefined){
let data12 = data9.weight;
const _errs28 = errors;
if(!(((typeof data12 == "number") && (!(data12 % 1) && !isNaN(data12))) && (isFinite(data12)))){
const err16 = {instancePath:instancePath+"/nextHops/" + i0+"/weight",schemaPath:"#/$defs/route/properties/nextHops/items/properties/weight/type",keyword:"type",params:{type: "integer"},message:"must be integer"};
if(vErrors === null){
vErrors = [err16];
}
else {
vErrors.push(err16);
}
errors++;
}
var valid4 = _errs28 === errors;
}
else {
var valid4 = true;
}
}
}
}
}
else {
const err17 = {instancePath:instancePath+"/nextHops/" + i0,schemaPath:"#/$defs/route/properties/nextHops/items/type",keyword:"type",params:{type: "object"},message:"must be object"};
if(vErrors === null){
vErrors = [err17];
}
else {
vErrors.push(err17);
}
errors++;
}
}
var valid3 = _errs22 === errors;
if(!valid3){
break;
}
}
}
else {
const err18 = {instancePath:instancePath+"/nextHops",schemaPath:"#/$defs/route/properties/nextHops/type",keyword:"type",params:{type: "array"},message:"must be array"};
if(vErrors === null){
vErrors = [err18];
}
else {
vErrors.push(err18);
}
errors++;
}
}
var valid2 = _errs20 === errors;
}
else {
var valid2 = true;
}
}
}
}
}
}
}
}
}
}
}
else {
const err19 = {instancePath,schemaPath:"#/$defs/route/type",keyword:"type",params:{type: "object"},message:"must be object"};
if(vErrors === null){
vErrors = [err19];
}
else {
vErrors.push(err19);
}
errors++;
}
}
var _valid0 = _errs1 === errors;
if(_valid0){
valid0 = true;
passing0 = 0;
var props0 = {};
props0.destination = true;
props0.type = true;
props0.gateway = true;
props0.device = true;
props0.metric = true;
props0.protocol = true;
props0.table = true;
props0.tos = true;
props0.nextHops = true;
}
const _errs30 = errors;
if(data !== null){
const err20 = {instancePath,schemaPath:"#/oneOf/1/type",keyword:"type",params:{type: "null"},message:"must be null"};
if(vErrors === null){
vErrors = [err20];
}
else {
vErrors.push(err20);
}
errors++;
}
var _valid0 = _errs30 === errors;
if(_valid0 && valid0){
valid0 = false;
passing0 = [passing0, 1];
}
else {
if(_valid0){
valid0 = true;
passing0 = 1;
}
}
if(!valid0){
const err21 = {instancePath,schemaPath:"#/oneOf",keyword:"oneOf",params:{passingSchemas: passing0},message:"must match exactly one schema in oneOf"};
if(vErrors === null){
vErrors = [err21];
}
else {
vErrors.push(err21);
}
errors++;
validate27.errors = vErrors;
return false;
}
else {
errors = _errs0;
if(vErrors !== null){
if(_errs0){
vErrors.length = _errs0;
}
else {
vErrors = null;
}
}
}
validate27.errors = vErrors;
evaluated0.props = props0;
return errors === 0;
}
validate27.evaluated = {"dynamicProps":true,"dynamicItems":false};


function validate26(data, {instancePath="", parentData, parentDataProperty, rootData=data, dynamicAnchors={}}={}){
let vErrors = null;
let errors = 0;
const evaluated0 = validate26.evaluated;
if(evaluated0.dynamicProps){
evaluated0.props = undefined;
}
if(evaluated0.dynamicItems){
evaluated0.items = undefined;
}
if(errors === 0){
if(data && typeof data == "object" && !Array.isArray(data)){
let missing0;
if((((((((((data.kind === undefined) && (missing0 = "kind")) || ((data.action === undefined) && (missing0 = "action"))) || ((data.profile === undefined) && (missing0 = "profile"))) || ((data.purpose === undefined) && (missing0 = "purpose"))) || ((data.reason === undefined) && (missing0 = "reason"))) || ((data.before === undefined) && (missing0 = "before"))) || ((data.after === undefined) && (missing0 = "after"))) || ((data.inverse === undefined) && (missing0 = "inverse"))) || ((data.precondition === undefined) && (missing0 = "precondition"))){
validate26.errors = [{instancePath,schemaPath:"#/required",keyword:"required",params:{missingProperty: missing0},message:"must have required property '"+missing0+"'"}];
return false;
}
else {
if(data.kind !== undefined){
const _errs1 = errors;
if("route" !== data.kind){
validate26.errors = [{instancePath:instancePath+"/kind",schemaPath:"#/properties/kind/const",keyword:"const",params:{allowedValue: "route"},message:"must be equal to constant"}];
return false;
}
var valid0 = _errs1 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.action !== undefined){
let data1 = data.action;
const _errs2 = errors;
if(!((((((data1 === "create") || (data1 === "replace")) || (data1 === "delete")) || (data1 === "adopt")) || (data1 === "forget")) || (data1 === "none"))){
validate26.errors = [{instancePath:instancePath+"/action",schemaPath:"#/$defs/action/enum",keyword:"enum",params:{allowedValues: schema41.enum},message:"must be equal to one of the allowed values"}];
return false;
}
var valid0 = _errs2 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.profile !== undefined){
const _errs4 = errors;
if(typeof data.profile !== "string"){
validate26.errors = [{instancePath:instancePath+"/profile",schemaPath:"#/properties/profile/type",keyword:"type",params:{type: "string"},message:"must be string"}];
return false;
}
var valid0 = _errs4 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.purpose !== undefined){
let data3 = data.purpose;
const _errs6 = errors;
if(!((((data3 === "services") || (data3 === "pods")) || (data3 === "load-balancer")) || (data3 === "guard"))){
validate26.errors = [{instancePath:instancePath+"/purpose",schemaPath:"#/$defs/purpose/enum",keyword:"enum",params:{allowedValues: schema42.enum},message:"must be equal to one of the allowed values"}];
return false;
}
var valid0 = _errs6 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.reason !== undefined){
const _errs8 = errors;
if(typeof data.reason !== "string"){
validate26.errors = [{instancePath:instancePath+"/reason",schemaPath:"#/properties/reason/type",keyword:"type",params:{type: "string"},message:"must be string"}];
return false;
}
var valid0 = _errs8 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.before !== undefined){
const _errs10 = errors;
if(!(validate27(data.before, {instancePath:instancePath+"/before",parentData:data,parentDataProperty:"before",rootData,dynamicAnchors}))){
vErrors = vErrors === null ? validate27.errors : vErrors.concat(validate27.errors);
errors = vErrors.length;
}
var valid0 = _errs10 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.after !== undefined){
const _errs11 = errors;
if(!(validate27(data.after, {instancePath:instancePath+"/after",parentData:data,parentDataProperty:"after",rootData,dynamicAnchors}))){
vErrors = vErrors === null ? validate27.errors : vErrors.concat(validate27.errors);
errors = vErrors.length;
}
var valid0 = _errs11 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.inverse !== undefined){
let data7 = data.inverse;
const _errs12 = errors;
if(errors === _errs12){
if(data7 && typeof data7 == "object" && !Array.isArray(data7)){
let missing1;
if((((data7.action === undefined) && (missing1 = "action")) || ((data7.before === undefined) && (missing1 = "before"))) || ((data7.after === undefined) && (missing1 = "after"))){
validate26.errors = [{instancePath:instancePath+"/inverse",schemaPath:"#/properties/inverse/required",keyword:"required",params:{missingProperty: missing1},message:"must have required property '"+missing1+"'"}];
return false;
}
else {
if(data7.action !== undefined){
let data8 = data7.action;
const _errs14 = errors;
if(!((((((data8 === "create") || (data8 === "replace")) || (data8 === "delete")) || (data8 === "adopt")) || (data8 === "forget")) || (data8 === "none"))){
validate26.errors = [{instancePath:instancePath+"/inverse/action",schemaPath:"#/$defs/action/enum",keyword:"enum",params:{allowedValues: schema41.enum},message:"must be equal to one of the allowed values"}];
return false;
}
var valid3 = _errs14 === errors;
}
else {
var valid3 = true;
}
if(valid3){
if(data7.before !== undefined){
const _errs16 = errors;
if(!(validate27(data7.before, {instancePath:instancePath+"/inverse/before",parentData:data7,parentDataProperty:"before",rootData,dynamicAnchors}))){
vErrors = vErrors === null ? validate27.errors : vErrors.concat(validate27.errors);
errors = vErrors.length;
}
var valid3 = _errs16 === errors;
}
else {
var valid3 = true;
}
if(valid3){
if(data7.after !== undefined){
const _errs17 = errors;
if(!(validate27(data7.after, {instancePath:instancePath+"/inverse/after",parentData:data7,parentDataProperty:"after",rootData,dynamicAnchors}))){
vErrors = vErrors === null ? validate27.errors : vErrors.concat(validate27.errors);
errors = vErrors.length;
}
var valid3 = _errs17 === errors;
}
else {
var valid3 = true;
}
}
}
}
}
else {
validate26.errors = [{instancePath:instancePath+"/inverse",schemaPath:"#/properties/inverse/type",keyword:"type",params:{type: "object"},message:"must be object"}];
return false;
}
}
var valid0 = _errs12 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.precondition !== undefined){
let data11 = data.precondition;
const _errs18 = errors;
if(errors === _errs18){
if(data11 && typeof data11 == "object" && !Array.isArray(data11)){
let missing2;
if(((data11.present === undefined) && (missing2 = "present")) || ((data11.absent === undefined) && (missing2 = "absent"))){
validate26.errors = [{instancePath:instancePath+"/precondition",schemaPath:"#/properties/precondition/required",keyword:"required",params:{missingProperty: missing2},message:"must have required property '"+missing2+"'"}];
return false;
}
else {
if(data11.present !== undefined){
let data12 = data11.present;
const _errs20 = errors;
const _errs21 = errors;
if(errors === _errs21){
if(Array.isArray(data12)){
var valid7 = true;
const len0 = data12.length;
for(let i0=0; i0<len0; i0++){
const _errs23 = errors;
if(typeof data12[i0] !== "string"){
validate26.errors = [{instancePath:instancePath+"/precondition/present/" + i0,schemaPath:"#/$defs/strings/items/type",keyword:"type",params:{type: "string"},message:"must be string"}];
return false;
}
var valid7 = _errs23 === errors;
if(!valid7){
break;
}
}
}
else {
validate26.errors = [{instancePath:instancePath+"/precondition/present",schemaPath:"#/$defs/strings/type",keyword:"type",params:{type: "array"},message:"must be array"}];
return false;
}
}
var valid5 = _errs20 === errors;
}
else {
var valid5 = true;
}
if(valid5){
if(data11.absent !== undefined){
let data14 = data11.absent;
const _errs25 = errors;
const _errs26 = errors;
if(errors === _errs26){
if(Array.isArray(data14)){
var valid9 = true;
const len1 = data14.length;
for(let i1=0; i1<len1; i1++){
const _errs28 = errors;
if(typeof data14[i1] !== "string"){
validate26.errors = [{instancePath:instancePath+"/precondition/absent/" + i1,schemaPath:"#/$defs/strings/items/type",keyword:"type",params:{type: "string"},message:"must be string"}];
return false;
}
var valid9 = _errs28 === errors;
if(!valid9){
break;
}
}
}
else {
validate26.errors = [{instancePath:instancePath+"/precondition/absent",schemaPath:"#/$defs/strings/type",keyword:"type",params:{type: "array"},message:"must be array"}];
return false;
}
}
var valid5 = _errs25 === errors;
}
else {
var valid5 = true;
}
}
}
}
else {
validate26.errors = [{instancePath:instancePath+"/precondition",schemaPath:"#/properties/precondition/type",keyword:"type",params:{type: "object"},message:"must be object"}];
return false;
}
}
var valid0 = _errs18 === errors;
}
else {
var valid0 = true;
}
}
}
}
}
}
}
}
}
}
}
else {
validate26.errors = [{instancePath,schemaPath:"#/type",keyword:"type",params:{type: "object"},message:"must be object"}];
return false;
}
}
validate26.errors = vErrors;
return errors === 0;
}
validate26.evaluated = {"props":{"kind":true,"action":true,"profile":true,"purpose":true,"reason":true,"before":true,"after":true,"inverse":true,"precondition":true},"dynamicProps":false,"dynamicItems":false};

const schema48 = {"type":"object","required":["kind","action","profile","namespace","name","uid","resourceVersion","reason","before","after","inverse","condition","events"],"properties":{"kind":{"const":"service"},"action":{"enum":["create","replace","delete","none"]},"profile":{"type":"string"},"namespace":{"type":"string"},"name":{"type":"string"},"uid":{"type":"string"},"resourceVersion":{"type":"string"},"reason":{"description":"For people; nothing steers by it.","type":"string"},"before":{"$ref":"#/$defs/strings"},"after":{"$ref":"#/$defs/strings"},"inverse":{"type":"object","required":["action","before","after"],"properties":{"action":{"enum":["create","replace","delete","none"]},"before":{"$ref":"#/$defs/strings"},"after":{"$ref":"#/$defs/strings"}}},"condition":{"$ref":"#/$defs/conditionChange"},"events":{"$ref":"#/$defs/serviceEvents"}}};
const schema56 = {"description":"Events that are written about the Service once the plan is committed.","type":"array","items":{"type":"object","required":["type","reason","message"],"properties":{"type":{"enum":["Normal","Warning"]},"reason":{"enum":["IPAllocated","AllocationFailed","ClearAssignment"]},"message":{"type":"string"}}}};
const schema53 = {"description":"The condition mkplan/IPAllocated of the Service.","type":"object","required":["before","after"],"properties":{"before":{"$ref":"#/$defs/conditionOrNull"},"after":{"$ref":"#/$defs/conditionOrNull"}}};
const schema54 = {"type":["object","null"],"required":["status","reason","message","lastTransitionTime"],"properties":{"status":{"enum":["True","False","Unknown"]},"reason":{"type":"string"},"message":{"type":"string"},"lastTransitionTime":{"description":"RFC 3339, UTC; null for the moment at which it is written.","type":["string","null"]}}};

function validate34(data, {instancePath="", parentData, parentDataProperty, rootData=data, dynamicAnchors={}}={}){
let vErrors = null;
let errors = 0;
const evaluated0 = validate34.evaluated;
if(evaluated0.dynamicProps){
evaluated0.props = undefined;
}
if(evaluated0.dynamicItems){
evaluated0.items = undefined;
}
if(errors === 0){
if(data && typeof data == "object" && !Array.isArray(data)){
let missing0;
if(((data.before === undefined) && (missing0 = "before")) || ((data.after === undefined) && (missing0 = "after"))){
validate34.errors = [{instancePath,schemaPath:"#/required",keyword:"required",params:{missingProperty: missing0},message:"must have required property '"+missing0+"'"}];
return false;
}
else {
if(data.before !== undefined){
let data0 = data.before;
const _errs1 = errors;
const _errs2 = errors;
if((!(data0 && typeof data0 == "object" && !Array.isArray(data0))) && (data0 !== null)){
validate34.errors = [{instancePath:instancePath+"/before",schemaPath:"#/$defs/conditionOrNull/type",keyword:"type",params:{type: schema54.type},message:"must be object,null"}];
return false;
}
if(errors === _errs2){
if(data0 && typeof data0 == "object" && !Array.isArray(data0)){
let missing1;
if(((((data0.status === undefined) && (missing1 = "status")) || ((data0.reason === undefined) && (missing1 = "reason"))) || ((data0.message === undefined) && (missing1 = "message"))) || ((data0.lastTransitionTime === undefined) && (missing1 = "lastTransitionTime"))){
validate34.errors = [{instancePath:instancePath+"/before",schemaPath:"#/$defs/conditionOrNull/required",keyword:"required",params:{missingProperty: missing1},message:"must have required property '"+missing1+"'"}];
return false;
}
else {
if(data0.status !== undefined){
let data1 = data0.status;
const _errs4 = errors;
if(!(((data1 === "True") || (data1 === "False")) || (data1 === "Unknown"))){
validate34.errors = [{instancePath:instancePath+"/before/status",schemaPath:"#/$defs/conditionOrNull/properties/status/enum",keyword:"enum",params:{allowedValues: schema54.properties.status.enum},message:"must be equal to one of the allowed values"}];
return false;
}
var valid2 = _errs4 === errors;
}
else {
var valid2 = true;
}
if(valid2){
if(data0.reason !== undefined){
const _errs5 = errors;
if(typeof data0.reason !== "string"){
validate34.errors = [{instancePath:instancePath+"/before/reason",schemaPath:"#/$defs/conditionOrNull/properties/reason/type",keyword:"type",params:{type: "string"},message:"must be string"}];
return false;
}
var valid2 = _errs5 === errors;
}
else {
var valid2 = true;
}
if(valid2){
if(data0.message !== undefined){
const _errs7 = errors;
if(typeof data0.message !== "string"){
validate34.errors = [{instancePath:instancePath+"/before/message",schemaPath:"#/$defs/conditionOrNull/properties/message/type",keyword:"type",params:{type: "string"},message:"must be string"}];
return false;
}
var valid2 = _errs7 === errors;
}
else {
var valid2 = true;
}
if(valid2){
if(data0.lastTransitionTime !== undefined){
let data4 = data0.lastTransitionTime;
const _errs9 = errors;
if((typeof data4 !== "string") && (data4 !== null)){
validate34.errors = [{instancePath:instancePath+"/before/lastTransitionTime",schemaPath:"#/$defs/conditionOrNull/properties/lastTransitionTime/type",keyword:"type",params:{type: schema54.properties.lastTransitionTime.type},message:"must be string,null"}];
return false;
}
var valid2 = _errs9 === errors;
}
else {
var valid2 = true;
}
}
}
}
}
}
}
var valid0 = _errs1 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.after !== undefined){
let data5 = data.after;
const _errs11 = errors;
const _errs12 = errors;
if((!(data5 && typeof data5 == "object" && !Array.isArray(data5))) && (data5 !== null)){
validate34.errors = [{instancePath:instancePath+"/after",schemaPath:"#/$defs/conditionOrNull/type",keyword:"type",params:{type: schema54.type},message:"must be object,null"}];
return false;
}
if(errors === _errs12){
if(data5 && typeof data5 == "object" && !Array.isArray(data5)){
let missing2;
if(((((data5.status === undefined) && (missing2 = "status")) || ((data5.reason === undefined) && (missing2 = "reason"))) || ((data5.message === undefined) && (missing2 = "message"))) || ((data5.lastTransitionTime === undefined) && (missing2 = "lastTransitionTime"))){
validate34.errors = [{instancePath:instancePath+"/after",schemaPath:"#/$defs/conditionOrNull/required",keyword:"required",params:{missingProperty: missing2},message:"must have required property '"+missing2+"'"}];
return false;
}
else {
if(data5.status !== undefined){
let data6 = data5.status;
const _errs14 = errors;
if(!(((data6 === "True") || (data6 === "False")) || (data6 === "Unknown"))){
validate34.errors = [{instancePath:instancePath+"/after/status",schemaPath:"#/$defs/conditionOrNull/properties/status/enum",keyword:"enum",params:{allowedValues: schema54.properties.status.enum},message:"must be equal to one of the allowed values"}];
return false;
}
var valid4 = _errs14 === errors;
}
else {
var valid4 = true;
}
if(valid4){
if(data5.reason !== undefined){
const _errs15 = errors;
if(typeof data5.reason !== "string"){
validate34.errors = [{instancePath:instancePath+"/after/reason",schemaPath:"#/$defs/conditionOrNull/properties/reason/type",keyword:"type",params:{type: "string"},message:"must be string"}];
return false;
}
var valid4 = _errs15 === errors;
}
else {
var valid4 = true;
}
if(valid4){
if(data5.message !== undefined){
const _errs17 = errors;
if(typeof data5.message !== "string"){
validate34.errors = [{instancePath:instancePath+"/after/message",schemaPath:"#/$defs/conditionOrNull/properties/message/type",keyword:"type",params:{type: "string"},message:"must be string"}];
return false;
}
var valid4 = _errs17 === errors;
}
else {
var valid4 = true;
}
if(valid4){
if(data5.lastTransitionTime !== undefined){
let data9 = data5.lastTransitionTime;
const _errs19 = errors;
if((typeof data9 !== "string") && (data9 !== null)){
validate34.errors = [{instancePath:instancePath+"/after/lastTransitionTime",schemaPath:"#/$defs/conditionOrNull/properties/lastTransitionTime/type",keyword:"type",params:{type: schema54.properties.lastTransitionTime.type},message:"must be string,null"}];
return false;
}
var valid4 = _errs19 === errors;
}
else {
var valid4 = true;
}
}
}
}
}
}
}
var valid0 = _errs11 === errors;
}
else {
var valid0 = true;
}
}
}
}
else {
validate34.errors = [{instancePath,schemaPath:"#/type",keyword:"type",params:{type: "object"},message:"must be object"}];
return false;
}
}
validate34.errors = vErrors;
return errors === 0;
}
validate34.evaluated = {"props":{"before":true,"after":true},"dynamicProps":false,"dynamicItems":false};


function validate33(data, {instancePath="", parentData, parentDataProperty, rootData=data, dynamicAnchors={}}={}){
let vErrors = null;
let errors = 0;
const evaluated0 = validate33.evaluated;
if(evaluated0.dynamicProps){
evaluated0.props = undefined;
}
if(evaluated0.dynamicItems){
evaluated0.items = undefined;
}
if(errors === 0){
if(data && typeof data == "object" && !Array.isArray(data)){
let missing0;
if((((((((((((((data.kind === undefined) && (missing0 = "kind")) || ((data.action === undefined) && (missing0 = "action"))) || ((data.profile === undefined) && (missing0 = "profile"))) || ((data.namespace === undefined) && (missing0 = "namespace"))) || ((data.name === undefined) && (missing0 = "name"))) || ((data.uid === undefined) && (missing0 = "uid"))) || ((data.resourceVersion === undefined) && (missing0 = "resourceVersion"))) || ((data.reason === undefined) && (missing0 = "reason"))) || ((data.before === undefined) && (missing0 = "before"))) || ((data.after === undefined) && (missing0 = "after"))) || ((data.inverse === undefined) && (missing0 = "inverse"))) || ((data.condition === undefined) && (missing0 = "condition"))) || ((data.events === undefined) && (missing0 = "events"))){
validate33.errors = [{instancePath,schemaPath:"#/required",keyword:"required",params:{missingProperty: missing0},message:"must have required property '"+missing0+"'"}];
return false;
}
else {
if(data.kind !== undefined){
const _errs1 = errors;
if("service" !== data.kind){
validate33.errors = [{instancePath:instancePath+"/kind",schemaPath:"#/properties/kind/const",keyword:"const",params:{allowedValue: "service"},message:"must be equal to constant"}];
return false;
}
var valid0 = _errs1 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.action !== undefined){
let data1 = data.action;
const _errs2 = errors;
if(!((((data1 === "create") || (data1 === "replace")) || (data1 === "delete")) || (data1 === "none"))){
validate33.errors = [{instancePath:instancePath+"/action",schemaPath:"#/properties/action/enum",keyword:"enum",params:{allowedValues: schema48.properties.action.enum},message:"must be equal to one of the allowed values"}];
return false;
}
var valid0 = _errs2 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.profile !== undefined){
const _errs3 = errors;
if(typeof data.profile !== "string"){
validate33.errors = [{instancePath:instancePath+"/profile",schemaPath:"#/properties/profile/type",keyword:"type",params:{type: "string"},message:"must be string"}];
return false;
}
var valid0 = _errs3 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.namespace !== undefined){
const _errs5 = errors;
if(typeof data.namespace !== "string"){
validate33.errors = [{instancePath:instancePath+"/namespace",schemaPath:"#/properties/namespace/type",keyword:"type",params:{type: "string"},message:"must be string"}];
return false;
}
var valid0 = _errs5 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.name !== undefined){
const _errs7 = errors;
if(typeof data.name !== "string"){
validate33.errors = [{instancePath:instancePath+"/name",schemaPath:"#/properties/name/type",keyword:"type",params:{type: "string"},message:"must be string"}];
return false;
}
var valid0 = _errs7 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.uid !== undefined){
const _errs9 = errors;
if(typeof data.uid !== "string"){
validate33.errors = [{instancePath:instancePath+"/uid",schemaPath:"#/properties/uid/type",keyword:"type",params:{type: "string"},message:"must be string"}];
return false;
}
var valid0 = _errs9 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.resourceVersion !== undefined){
const _errs11 = errors;
if(typeof data.resourceVersion !== "string"){
validate33.errors = [{instancePath:instancePath+"/resourceVersion",schemaPath:"#/properties/resourceVersion/type",keyword:"type",params:{type: "string"},message:"must be string"}];
return false;
}
var valid0 = _errs11 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.reason !== undefined){
const _errs13 = errors;
if(typeof data.reason !== "string"){
validate33.errors = [{instancePath:instancePath+"/reason",schemaPath:"#/properties/reason/type",keyword:"type",params:{type: "string"},message:"must be string"}];
return false;
}
var valid0 = _errs13 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.before !== undefined){
let data8 = data.before;
const _errs15 = errors;
const _errs16 = errors;
if(errors === _errs16){
if(Array.isArray(data8)){
var valid2 = true;
const len0 = data8.length;
for(let i0=0; i0<len0; i0++){
const _errs18 = errors;
if(typeof data8[i0] !== "string"){
validate33.errors = [{instancePath:instancePath+"/before/" + i0,schemaPath:"#/$defs/strings/items/type",keyword:"type",params:{type: "string"},message:"must be string"}];
return false;
}
var valid2 = _errs18 === errors;
if(!valid2){
break;
}
}
}
else {
validate33.errors = [{instancePath:instancePath+"/before",schemaPath:"#/$defs/strings/type",keyword:"type",params:{type: "array"},message:"must be array"}];
return false;
}
}
var valid0 = _errs15 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.after !== undefined){
let data10 = data.after;
const _errs20 = errors;
const _errs21 = errors;
if(errors === _errs21){
if(Array.isArray(data10)){
var valid4 = true;
const len1 = data10.length;
for(let i1=0; i1<len1; i1++){
const _errs23 = errors;
if(typeof data10[i1] !== "string"){
validate33.errors = [{instancePath:instancePath+"/after/" + i1,schemaPath:"#/$defs/strings/items/type",keyword:"type",params:{type: "string"},message:"must be string"}];
return false;
}
var valid4 = _errs23 === errors;
if(!valid4){
break;
}
}
}
else {
validate33.errors = [{instancePath:instancePath+"/after",schemaPath:"#/$defs/strings/type",keyword:"type",params:{type: "array"},message:"must be array"}];
return false;
}
}
var valid0 = _errs20 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.inverse !== undefined){
let data12 = data.inverse;
const _errs25 = errors;
if(errors === _errs25){
if(data12 && typeof data12 == "object" && !Array.isArray(data12)){
let missing1;
if((((data12.action === undefined) && (missing1 = "action")) || ((data12.before === undefined) && (missing1 = "before"))) || ((data12.after === undefined) && (missing1 = "after"))){
validate33.errors = [{instancePath:instancePath+"/inverse",schemaPath:"#/properties/inverse/required",keyword:"required",params:{missingProperty: missing1},message:"must have required property '"+missing1+"'"}];
return false;
}
else {
if(data12.action !== undefined){
let data13 = data12.action;
const _errs27 = errors;
if(!((((data13 === "create") || (data13 === "replace")) || (data13 === "delete")) || (data13 === "none"))){
validate33.errors = [{instancePath:instancePath+"/inverse/action",schemaPath:"#/properties/inverse/properties/action/enum",keyword:"enum",params:{allowedValues: schema48.properties.inverse.properties.action.enum},message:"must be equal to one of the allowed values"}];
return false;
}
var valid5 = _errs27 === errors;
}
else {
var valid5 = true;
}
if(valid5){
if(data12.before !== undefined){
let data14 = data12.before;
const _errs28 = errors;
const _errs29 = errors;
if(errors === _errs29){
if(Array.isArray(data14)){
var valid7 = true;
const len2 = data14.length;
for(let i2=0; i2<len2; i2++){
const _errs31 = errors;
if(typeof data14[i2] !== "string"){
validate33.errors = [{instancePath:instancePath+"/inverse/before/" + i2,schemaPath:"#/$defs/strings/items/type",keyword:"type",params:{type: "string"},message:"must be string"}];
return false;
}
var valid7 = _errs31 === errors;
if(!valid7){
break;
}
}
}
else {
validate33.errors = [{instancePath:instancePath+"/inverse/before",schemaPath:"#/$defs/strings/type",keyword:"type",params:{type: "array"},message:"must be array"}];
return false;
}
}
var valid5 = _errs28 === errors;
}
else {
var valid5 = true;
}
if(valid5){
if(data12.after !== undefined){
let data16 = data12.after;
const _errs33 = errors;
const _errs34 = errors;
if(errors === _errs34){
if(Array.isArray(data16)){
var valid9 = true;
const len3 = data16.length;
for(let i3=0; i3<len3; i3++){
const _errs36 = errors;
if(typeof data16[i3] !== "string"){
validate33.errors = [{instancePath:instancePath+"/inverse/after/" + i3,schemaPath:"#/$defs/strings/items/type",keyword:"type",params:{type: "string"},message:"must be string"}];
return false;
}
var valid9 = _errs36 === errors;
if(!valid9){
break;
}
}
}
else {
validate33.errors = [{instancePath:instancePath+"/inverse/after",schemaPath:"#/$defs/strings/type",keyword:"type",params:{type: "array"},message:"must be array"}];
return false;
}
}
var valid5 = _errs33 === errors;
}
else {
var valid5 = true;
}
}
}
}
}
else {
validate33.errors = [{instancePath:instancePath+"/inverse",schemaPath:"#/properties/inverse/type",keyword:"type",params:{type: "object"},message:"must be object"}];
return false;
}
}
var valid0 = _errs25 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.condition !== undefined){
const _errs38 = errors;
if(!(validate34(data.condition, {instancePath:instancePath+"/condition",parentData:data,parentDataProperty:"condition",rootData,dynamicAnchors}))){
vErrors = vErrors === null ? validate34.errors : vErrors.concat(validate34.errors);
errors = vErrors.length;
}
var valid0 = _errs38 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.events !== undefined){
let data19 = data.events;
const _errs39 = errors;
const _errs40 = errors;
if(errors === _errs40){
if(Array.isArray(data19)){
var valid11 = true;
const len4 = data19.length;
for(let i4=0; i4<len4; i4++){
let data20 = data19[i4];
const _errs42 = errors;
if(errors === _errs42){
if(data20 && typeof data20 == "object" && !Array.isArray(data20)){
let missing2;
if((((data20.type === undefined) && (missing2 = "type")) || ((data20.reason === undefined) && (missing2 = "reason"))) || ((data20.message === undefined) && (missing2 = "message"))){
validate33.errors = [{instancePath:instancePath+"/events/" + i4,schemaPath:"#/$defs/serviceEvents/items/required",keyword:"required",params:{missingProperty: missing2},message:"must have required property '"+missing2+"'"}];
return false;
}
else {
if(data20.type !== undefined){
let data21 = data20.type;
const _errs44 = errors;
if(!((data21 === "Normal") || (data21 === "Warning"))){
validate33.errors = [{instancePath:instancePath+"/events/" + i4+"/type",schemaPath:"#/$defs/serviceEvents/items/properties/type/enum",keyword:"enum",params:{allowedValues: schema56.items.properties.type.enum},message:"must be equal to one of the allowed values"}];
return false;
}
var valid12 = _errs44 === errors;
}
else {
var valid12 = true;
}
if(valid12){
if(data20.reason !== undefined){
let data22 = data20.reason;
const _errs45 = errors;
if(!(((data22 === "IPAllocated") || (data22 === "AllocationFailed")) || (data22 === "ClearAssignment"))){
validate33.errors = [{instancePath:instancePath+"/events/" + i4+"/reason",schemaPath:"#/$defs/serviceEvents/items/properties/reason/enum",keyword:"enum",params:{allowedValues: schema56.items.properties.reason.enum},message:"must be equal to one of the allowed values"}];
return false;
}
var valid12 = _errs45 === errors;
}
else {
var valid12 = true;
}
if(valid12){
if(data20.message !== undefined){
const _errs46 = errors;
if(typeof data20.message !== "string"){
validate33.errors = [{instancePath:instancePath+"/events/" + i4+"/message",schemaPath:"#/$defs/serviceEvents/items/properties/message/type",keyword:"type",params:{type: "string"},message:"must be string"}];
return false;
}
var valid12 = _errs46 === errors;
}
else {
var valid12 = true;
}
}
}
}
}
else {
validate33.errors = [{instancePath:instancePath+"/events/" + i4,schemaPath:"#/$defs/serviceEvents/items/type",keyword:"type",params:{type: "object"},message:"must be object"}];
return false;
}
}
var valid11 = _errs42 === errors;
if(!valid11){
break;
}
}
}
else {
validate33.errors = [{instancePath:instancePath+"/events",schemaPath:"#/$defs/serviceEvents/type",keyword:"type",params:{type: "array"},message:"must be array"}];
return false;
}
}
var valid0 = _errs39 === errors;
}
else {
var valid0 = true;
}
}
}
}
}
}
}
}
}
}
}
}
}
}
}
else {
validate33.errors = [{instancePath,schemaPath:"#/type",keyword:"type",params:{type: "object"},message:"must be object"}];
return false;
}
}
validate33.errors = vErrors;
return errors === 0;
}
validate33.evaluated = {"props":{"kind":true,"action":true,"profile":true,"namespace":true,"name":true,"uid":true,"resourceVersion":true,"reason":true,"before":true,"after":true,"inverse":true,"condition":true,"events":true},"dynamicProps":false,"dynamicItems":false};

const schema57 = {"type":"object","required":["profile","namespace","name","uid","resourceVersion","addresses","condition","events"],"properties":{"profile":{"type":"string"},"namespace":{"type":"string"},"name":{"type":"string"},"uid":{"type":"string"},"resourceVersion":{"type":"string"},"addresses":{"$ref":"#/$defs/strings"},"condition":{"$ref":"#/$defs/conditionChange"},"events":{"$ref":"#/$defs/serviceEvents"}}};

function validate37(data, {instancePath="", parentData, parentDataProperty, rootData=data, dynamicAnchors={}}={}){
let vErrors = null;
let errors = 0;
const evaluated0 = validate37.evaluated;
if(evaluated0.dynamicProps){
evaluated0.props = undefined;
}
if(evaluated0.dynamicItems){
evaluated0.items = undefined;
}
if(errors === 0){
if(data && typeof data == "object" && !Array.isArray(data)){
let missing0;
if(((((((((data.profile === undefined) && (missing0 = "profile")) || ((data.namespace === undefined) && (missing0 = "namespace"))) || ((data.name === undefined) && (missing0 = "name"))) || ((data.uid === undefined) && (missing0 = "uid"))) || ((data.resourceVersion === undefined) && (missing0 = "resourceVersion"))) || ((data.addresses === undefined) && (missing0 = "addresses"))) || ((data.condition === undefined) && (missing0 = "condition"))) || ((data.events === undefined) && (missing0 = "events"))){
validate37.errors = [{instancePath,schemaPath:"#/required",keyword:"required",params:{missingProperty: missing0},message:"must have required property '"+missing0+"'"}];
return false;
}
else {
if(data.profile !== undefined){
const _errs1 = errors;
if(typeof data.profile !== "string"){
validate37.errors = [{instancePath:instancePath+"/profile",schemaPath:"#/properties/profile/type",keyword:"type",params:{type: "string"},message:"must be string"}];
return false;
}
var valid0 = _errs1 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.namespace !== undefined){
const _errs3 = errors;
if(typeof data.namespace !== "string"){
validate37.errors = [{instancePath:instancePath+"/namespace",schemaPath:"#/properties/namespace/type",keyword:"type",params:{type: "string"},message:"must be string"}];
return false;
}
var valid0 = _errs3 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.name !== undefined){
const _errs5 = errors;
if(typeof data.name !== "string"){
validate37.errors = [{instancePath:instancePath+"/name",schemaPath:"#/properties/name/type",keyword:"type",params:{type: "string"},message:"must be string"}];
return false;
}
var valid0 = _errs5 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.uid !== undefined){
const _errs7 = errors;
if(typeof data.uid !== "string"){
validate37.errors = [{instancePath:instancePath+"/uid",schemaPath:"#/properties/uid/type",keyword:"type",params:{type: "string"},message:"must be string"}];
return false;
}
var valid0 = _errs7 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.resourceVersion !== undefined){
const _errs9 = errors;
if(typeof data.resourceVersion !== "string"){
validate37.errors = [{instancePath:instancePath+"/resourceVersion",schemaPath:"#/properties/resourceVersion/type",keyword:"type",params:{type: "string"},message:"must be string"}];
return false;
}
var valid0 = _errs9 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.addresses !== undefined){
let data5 = data.addresses;
const _errs11 = errors;
const _errs12 = errors;
if(errors === _errs12){
if(Array.isArray(data5)){
var valid2 = true;
const len0 = data5.length;
for(let i0=0; i0<len0; i0++){
const _errs14 = errors;
if(typeof data5[i0] !== "string"){
validate37.errors = [{instancePath:instancePath+"/addresses/" + i0,schemaPath:"#/$defs/strings/items/type",keyword:"type",params:{type: "string"},message:"must be string"}];
return false;
}
var valid2 = _errs14 === errors;
if(!valid2){
break;
}
}
}
else {
validate37.errors = [{instancePath:instancePath+"/addresses",schemaPath:"#/$defs/strings/type",keyword:"type",params:{type: "array"},message:"must be array"}];
return false;
}
}
var valid0 = _errs11 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.condition !== undefined){
const _errs16 = errors;
if(!(validate34(data.condition, {instancePath:instancePath+"/condition",parentData:data,parentDataProperty:"condition",rootData,dynamicAnchors}))){
vErrors = vErrors === null ? validate34.errors : vErrors.concat(validate34.errors);
errors = vErrors.length;
}
var valid0 = _errs16 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.events !== undefined){
let data8 = data.events;
const _errs17 = errors;
const _errs18 = errors;
if(errors === _errs18){
if(Array.isArray(data8)){
var valid4 = true;
const len1 = data8.length;
for(let i1=0; i1<len1; i1++){
let data9 = data8[i1];
const _errs20 = errors;
if(errors === _errs20){
if(data9 && typeof data9 == "object" && !Array.isArray(data9)){
let missing1;
if((((data9.type === undefined) && (missing1 = "type")) || ((data9.reason === undefined) && (missing1 = "reason"))) || ((data9.message === undefined) && (missing1 = "message"))){
validate37.errors = [{instancePath:instancePath+"/events/" + i1,schemaPath:"#/$defs/serviceEvents/items/required",keyword:"required",params:{missingProperty: missing1},message:"must have required property '"+missing1+"'"}];
return false;
}
else {
if(data9.type !== undefined){
let data10 = data9.type;
const _errs22 = errors;
if(!((data10 === "Normal") || (data10 === "Warning"))){
validate37.errors = [{instancePath:instancePath+"/events/" + i1+"/type",schemaPath:"#/$defs/serviceEvents/items/properties/type/enum",keyword:"enum",params:{allowedValues: schema56.items.properties.type.enum},message:"must be equal to one of the allowed values"}];
return false;
}
var valid5 = _errs22 === errors;
}
else {
var valid5 = true;
}
if(valid5){
if(data9.reason !== undefined){
let data11 = data9.reason;
const _errs23 = errors;
if(!(((data11 === "IPAllocated") || (data11 === "AllocationFailed")) || (data11 === "ClearAssignment"))){
validate37.errors = [{instancePath:instancePath+"/events/" + i1+"/reason",schemaPath:"#/$defs/serviceEvents/items/properties/reason/enum",keyword:"enum",params:{allowedValues: schema56.items.properties.reason.enum},message:"must be equal to one of the allowed values"}];
return false;
}
var valid5 = _errs23 === errors;
}
else {
var valid5 = true;
}
if(valid5){
if(data9.message !== undefined){
const _errs24 = errors;
if(typeof data9.message !== "string"){
validate37.errors = [{instancePath:instancePath+"/events/" + i1+"/message",schemaPath:"#/$defs/serviceEvents/items/properties/message/type",keyword:"type",params:{type: "string"},message:"must be string"}];
return false;
}
var valid5 = _errs24 === errors;
}
else {
var valid5 = true;
}
}
}
}
}
else {
validate37.errors = [{instancePath:instancePath+"/events/" + i1,schemaPath:"#/$defs/serviceEvents/items/type",keyword:"type",params:{type: "object"},message:"must be object"}];
return false;
}
}
var valid4 = _errs20 === errors;
if(!valid4){
break;
}
}
}
else {
validate37.errors = [{instancePath:instancePath+"/events",schemaPath:"#/$defs/serviceEvents/type",keyword:"type",params:{type: "array"},message:"must be array"}];
return false;
}
}
var valid0 = _errs17 === errors;
}
else {
var valid0 = true;
}
}
}
}
}
}
}
}
}
}
else {
validate37.errors = [{instancePath,schemaPath:"#/type",keyword:"type",params:{type: "object"},message:"must be object"}];
return false;
}
}
validate37.errors = vErrors;
return errors === 0;
}
validate37.evaluated = {"props":{"profile":true,"namespace":true,"name":true,"uid":true,"resourceVersion":true,"addresses":true,"condition":true,"events":true},"dynamicProps":false,"dynamicItems":false};

const schema61 = {"type":"object","required":["relation","profile","purpose","destination","foreign","owner","disputed","winner","outcome","summary","resolution"],"properties":{"relation":{"enum":["conflict","inside","covers","on-link","gateway-inside","preempted","critical","forbidden","shared"]},"profile":{"type":"string"},"purpose":{"$ref":"#/$defs/purpose"},"destination":{"type":"string"},"foreign":{"$ref":"#/$defs/routeOrNull"},"owner":{"type":"string"},"disputed":{"type":"string"},"winner":{"type":"string"},"outcome":{"enum":["refused","skipped","warned"]},"summary":{"type":"string"},"resolution":{"type":"string"},"at":{"$ref":"#/$defs/position"}}};
const schema63 = {"description":"Lines and columns count from 1.","type":"object","required":["file","line","column"],"properties":{"file":{"type":"string"},"line":{"type":"integer","minimum":1},"column":{"type":"integer","minimum":1}}};

function validate40(data, {instancePath="", parentData, parentDataProperty, rootData=data, dynamicAnchors={}}={}){
let vErrors = null;
let errors = 0;
const evaluated0 = validate40.evaluated;
if(evaluated0.dynamicProps){
evaluated0.props = undefined;
}
if(evaluated0.dynamicItems){
evaluated0.items = undefined;
}
if(errors === 0){
if(data && typeof data == "object" && !Array.isArray(data)){
let missing0;
if((((((((((((data.relation === undefined) && (missing0 = "relation")) || ((data.profile === undefined) && (missing0 = "profile"))) || ((data.purpose === undefined) && (missing0 = "purpose"))) || ((data.destination === undefined) && (missing0 = "destination"))) || ((data.foreign === undefined) && (missing0 = "foreign"))) || ((data.owner === undefined) && (missing0 = "owner"))) || ((data.disputed === undefined) && (missing0 = "disputed"))) || ((data.winner === undefined) && (missing0 = "winner"))) || ((data.outcome === undefined) && (missing0 = "outcome"))) || ((data.summary === undefined) && (missing0 = "summary"))) || ((data.resolution === undefined) && (missing0 = "resolution"))){
validate40.errors = [{instancePath,schemaPath:"#/required",keyword:"required",params:{missingProperty: missing0},message:"must have required property '"+missing0+"'"}];
return false;
}
else {
if(data.relation !== undefined){
let data0 = data.relation;
const _errs1 = errors;
if(!(((((((((data0 === "conflict") || (data0 === "inside")) || (data0 === "covers")) || (data0 === "on-link")) || (data0 === "gateway-inside")) || (data0 === "preempted")) || (data0 === "critical")) || (data0 === "forbidden")) || (data0 === "shared"))){
validate40.errors = [{instancePath:instancePath+"/relation",schemaPath:"#/properties/relation/enum",keyword:"enum",params:{allowedValues: schema61.properties.relation.enum},message:"must be equal to one of the allowed values"}];
return false;
}
var valid0 = _errs1 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.profile !== undefined){
const _errs2 = errors;
if(typeof data.profile !== "string"){
validate40.errors = [{instancePath:instancePath+"/profile",schemaPath:"#/properties/profile/type",keyword:"type",params:{type: "string"},message:"must be string"}];
return false;
}
var valid0 = _errs2 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.purpose !== undefined){
let data2 = data.purpose;
const _errs4 = errors;
if(!((((data2 === "services") || (data2 === "pods")) || (data2 === "load-balancer")) || (data2 === "guard"))){
validate40.errors = [{instancePath:instancePath+"/purpose",schemaPath:"#/$defs/purpose/enum",keyword:"enum",params:{allowedValues: schema42.enum},message:"must be equal to one of the allowed values"}];
return false;
}
var valid0 = _errs4 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.destination !== undefined){
const _errs6 = errors;
if(typeof data.destination !== "string"){
validate40.errors = [{instancePath:instancePath+"/destination",schemaPath:"#/properties/destination/type",keyword:"type",params:{type: "string"},message:"must be string"}];
return false;
}
var valid0 = _errs6 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.foreign !== undefined){
const _errs8 = errors;
if(!(validate27(data.foreign, {instancePath:instancePath+"/foreign",parentData:data,parentDataProperty:"foreign",rootData,dynamicAnchors}))){
vErrors = vErrors === null ? validate27.errors : vErrors.concat(validate27.errors);
errors = vErrors.length;
}
var valid0 = _errs8 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.owner !== undefined){
const _errs9 = errors;
if(typeof data.owner !== "string"){
validate40.errors = [{instancePath:instancePath+"/owner",schemaPath:"#/properties/owner/type",keyword:"type",params:{type: "string"},message:"must be string"}];
return false;
}
var valid0 = _errs9 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.disputed !== undefined){
const _errs11 = errors;
if(typeof data.disputed !== "string"){
validate40.errors = [{instancePath:instancePath+"/disputed",schemaPath:"#/properties/disputed/type",keyword:"type",params:{type: "string"},message:"must be string"}];
return false;
}
var valid0 = _errs11 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.winner !== undefined){
const _errs13 = errors;
if(typeof data.winner !== "string"){
validate40.errors = [{instancePath:instancePath+"/winner",schemaPath:"#/properties/winner/type",keyword:"type",params:{type: "string"},message:"must be string"}];
return false;
}
var valid0 = _errs13 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.outcome !== undefined){
let data8 = data.outcome;
const _errs15 = errors;
if(!(((data8 === "refused") || (data8 === "skipped")) || (data8 === "warned"))){
validate40.errors = [{instancePath:instancePath+"/outcome",schemaPath:"#/properties/outcome/enum",keyword:"enum",params:{allowedValues: schema61.properties.outcome.enum},message:"must be equal to one of the allowed values"}];
return false;
}
var valid0 = _errs15 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.summary !== undefined){
const _errs16 = errors;
if(typeof data.summary !== "string"){
validate40.errors = [{instancePath:instancePath+"/summary",schemaPath:"#/properties/summary/type",keyword:"type",params:{type: "string"},message:"must be string"}];
return false;
}
var valid0 = _errs16 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.resolution !== undefined){
const _errs18 = errors;
if(typeof data.resolution !== "string"){
validate40.errors = [{instancePath:instancePath+"/resolution",schemaPath:"#/properties/resolution/type",keyword:"type",params:{type: "string"},message:"must be string"}];
return false;
}
var valid0 = _errs18 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.at !== undefined){
let data11 = data.at;
const _errs20 = errors;
const _errs21 = errors;
if(errors === _errs21){
if(data11 && typeof data11 == "object" && !Array.isArray(data11)){
let missing1;
if((((data11.file === undefined) && (missing1 = "file")) || ((data11.line === undefined) && (missing1 = "line"))) || ((data11.column === undefined) && (missing1 = "column"))){
validate40.errors = [{instancePath:instancePath+"/at",schemaPath:"#/$defs/position/required",keyword:"required",params:{missingProperty: missing1},message:"must have required property '"+missing1+"'"}];
return false;
}
else {
if(data11.file !== undefined){
const _errs23 = errors;
if(typeof data11.file !== "string"){
validate40.errors = [{instancePath:instancePath+"/at/file",schemaPath:"#/$defs/position/properties/file/type",keyword:"type",params:{type: "string"},message:"must be string"}];
return false;
}
var valid3 = _errs23 === errors;
}
else {
var valid3 = true;
}
if(valid3){
if(data11.line !== undefined){
let data13 = data11.line;
const _errs25 = errors;
if(!(((typeof data13 == "number") && (!(data13 % 1) && !isNaN(data13))) && (isFinite(data13)))){
validate40.errors = [{instancePath:instancePath+"/at/line",schemaPath:"#/$defs/position/properties/line/type",keyword:"type",params:{type: "integer"},message:"must be integer"}];
return false;
}
if(errors === _errs25){
if((typeof data13 == "number") && (isFinite(data13))){
if(data13 < 1 || isNaN(data13)){
validate40.errors = [{instancePath:instancePath+"/at/line",schemaPath:"#/$defs/position/properties/line/minimum",keyword:"minimum",params:{comparison: ">=", limit: 1},message:"must be >= 1"}];
return false;
}
}
}
var valid3 = _errs25 === errors;
}
else {
var valid3 = true;
}
if(valid3){
if(data11.column !== undefined){
let data14 = data11.column;
const _errs27 = errors;
if(!(((typeof data14 == "number") && (!(data14 % 1) && !isNaN(data14))) && (isFinite(data14)))){
validate40.errors = [{instancePath:instancePath+"/at/column",schemaPath:"#/$defs/position/properties/column/type",keyword:"type",params:{type: "integer"},message:"must be integer"}];
return false;
}
if(errors === _errs27){
if((typeof data14 == "number") && (isFinite(data14))){
if(data14 < 1 || isNaN(data14)){
validate40.errors = [{instancePath:instancePath+"/at/column",schemaPath:"#/$defs/position/properties/column/minimum",keyword:"minimum",params:{comparison: ">=", limit: 1},message:"must be >= 1"}];
return false;
}
}
}
var valid3 = _errs27 === errors;
}
else {
var valid3 = true;
}
}
}
}
}
else {
validate40.errors = [{instancePath:instancePath+"/at",schemaPath:"#/$defs/position/type",keyword:"type",params:{type: "object"},message:"must be object"}];
return false;
}
}
var valid0 = _errs20 === errors;
}
else {
var valid0 = true;
}
}
}
}
}
}
}
}
}
}
}
}
}
}
else {
validate40.errors = [{instancePath,schemaPath:"#/type",keyword:"type",params:{type: "object"},message:"must be object"}];
return false;
}
}
validate40.errors = vErrors;
return errors === 0;
}
validate40.evaluated = {"props":{"relation":true,"profile":true,"purpose":true,"destination":true,"foreign":true,"owner":true,"disputed":true,"winner":true,"outcome":true,"summary":true,"resolution":true,"at":true},"dynamicProps":false,"dynamicItems":false};

const schema65 = {"description":"A route that carries our protocol without a matching claim; never touched.","type":"object","required":["route","reason"],"properties":{"route":{"$ref":"#/$defs/route"},"reason":{"type":"string"}}};

function validate43(data, {instancePath="", parentData, parentDataProperty, rootData=data, dynamicAnchors={}}={}){
let vErrors = null;
let errors = 0;
const evaluated0 = validate43.evaluated;
if(evaluated0.dynamicProps){
evaluated0.props = undefined;
}
if(evaluated0.dynamicItems){
evaluated0.items = undefined;
}
if(errors === 0){
if(data && typeof data == "object" && !Array.isArray(data)){
let missing0;
if(((data.route === undefined) && (missing0 = "route")) || ((data.reason === undefined) && (missing0 = "reason"))){
validate43.errors = [{instancePath,schemaPath:"#/required",keyword:"required",params:{missingProperty: missing0},message:"must have required property '"+missing0+"'"}];
return false;
}
else {
if(data.route !== undefined){
let data0 = data.route;
const _errs1 = errors;
const _errs2 = errors;
if(errors === _errs2){
if(data0 && typeof data0 == "object" && !Array.isArray(data0)){
let missing1;
if((data0.destination === undefined) && (missing1 = "destination")){
validate43.errors = [{instancePath:instancePath+"/route",schemaPath:"#/$defs/route/required",keyword:"required",params:{missingProperty: missing1},message:"must have required property '"+missing1+"'"}];
return false;
}
else {
if(data0.destination !== undefined){
const _errs4 = errors;
if(typeof data0.destination !== "string"){
validate43.errors = [{instancePath:instancePath+"/route/destination",schemaPath:"#/$defs/route/properties/destination/type",keyword:"type",params:{type: "string"},message:"must be string"}];
return false;
}
var valid2 = _errs4 === errors;
}
else {
var valid2 = true;
}
if(valid2){
if(data0.type !== undefined){
const _errs6 = errors;
if(typeof data0.type !== "string"){
validate43.errors = [{instancePath:instancePath+"/route/type",schemaPath:"#/$defs/route/properties/type/type",keyword:"type",params:{type: "string"},message:"must be string"}];
return false;
}
var valid2 = _errs6 === errors;
}
else {
var valid2 = true;
}
if(valid2){
if(data0.gateway !== undefined){
const _errs8 = errors;
if(typeof data0.gateway !== "string"){
validate43.errors = [{instancePath:instancePath+"/route/gateway",schemaPath:"#/$defs/route/properties/gateway/type",keyword:"type",params:{type: "string"},message:"must be string"}];
return false;
}
var valid2 = _errs8 === errors;
}
else {
var valid2 = true;
}
if(valid2){
if(data0.device !== undefined){
const _errs10 = errors;
if(typeof data0.device !== "string"){
validate43.errors = [{instancePath:instancePath+"/route/device",schemaPath:"#/$defs/route/properties/device/type",keyword:"type",params:{type: "string"},message:"must be string"}];
return false;
}
var valid2 = _errs10 === errors;
}
else {
var valid2 = true;
}
if(valid2){
if(data0.metric !== undefined){
let data5 = data0.metric;
const _errs12 = errors;
if(!(((typeof data5 == "number") && (!(data5 % 1) && !isNaN(data5))) && (isFinite(data5)))){
validate43.errors = [{instancePath:instancePath+"/route/metric",schemaPath:"#/$defs/route/properties/metric/type",keyword:"type",params:{type: "integer"},message:"must be integer"}];
return false;
}
if(errors === _errs12){
if((typeof data5 == "number") && (isFinite(data5))){
if(data5 < 0 || isNaN(data5)){
validate43.errors = [{instancePath:instancePath+"/route/metric",schemaPath:"#/$defs/route/properties/metric/minimum",keyword:"minimum",params:{comparison: ">=", limit: 0},message:"must be >= 0"}];
return false;
}
}
}
var valid2 = _errs12 === errors;
}
else {
var valid2 = true;
}
if(valid2){
if(data0.protocol !== undefined){
let data6 = data0.protocol;
const _errs14 = errors;
if(!(((typeof data6 == "number") && (!(data6 % 1) && !isNaN(data6))) && (isFinite(data6)))){
validate43.errors = [{instancePath:instancePath+"/route/protocol",schemaPath:"#/$defs/route/properties/protocol/type",keyword:"type",params:{type: "integer"},message:"must be integer"}];
return false;
}
if(errors === _errs14){
if((typeof data6 == "number") && (isFinite(data6))){
if(data6 < 0 || isNaN(data6)){
validate43.errors = [{instancePath:instancePath+"/route/protocol",schemaPath:"#/$defs/route/properties/protocol/minimum",keyword:"minimum",params:{comparison: ">=", limit: 0},message:"must be >= 0"}];
return false;
}
}
}
var valid2 = _errs14 === errors;
}
else {
var valid2 = true;
}
if(valid2){
if(data0.table !== undefined){
let data7 = data0.table;
const _errs16 = errors;
if(!(((typeof data7 == "number") && (!(data7 % 1) && !isNaN(data7))) && (isFinite(data7)))){
validate43.errors = [{instancePath:instancePath+"/route/table",schemaPath:"#/$defs/route/properties/table/type",keyword:"type",params:{type: "integer"},message:"must be integer"}];
return false;
}
if(errors === _errs16){
if((typeof data7 == "number") && (isFinite(data7))){
if(data7 < 0 || isNaN(data7)){
validate43.errors = [{instancePath:instancePath+"/route/table",schemaPath:"#/$defs/route/properties/table/minimum",keyword:"minimum",params:{comparison: ">=", limit: 0},message:"must be >= 0"}];
return false;
}
}
}
var valid2 = _errs16 === errors;
}
else {
var valid2 = true;
}
if(valid2){
if(data0.tos !== undefined){
let data8 = data0.tos;
const _errs18 = errors;
if(!(((typeof data8 == "number") && (!(data8 % 1) && !isNaN(data8))) && (isFinite(data8)))){
validate43.errors = [{instancePath:instancePath+"/route/tos",schemaPath:"#/$defs/route/properties/tos/type",keyword:"type",params:{type: "integer"},message:"must be integer"}];
return false;
}
if(errors === _errs18){
if((typeof data8 == "number") && (isFinite(data8))){
if(data8 < 0 || isNaN(data8)){
validate43.errors = [{instancePath:instancePath+"/route/tos",schemaPath:"#/$defs/route/properties/tos/minimum",keyword:"minimum",params:{comparison: ">=", limit: 0},message:"must be >= 0"}];
return false;
}
}
}
var valid2 = _errs18 === errors;
}
else {
var valid2 = true;
}
if(valid2){
if(data0.nextHops !== undefined){
let data9 = data0.nextHops;
const _errs20 = errors;
if(errors === _errs20){
if(Array.isArray(data9)){
var valid3 = true;
const len0 = data9.length;
for(let i0=0; i0<len0; i0++){
let data10 = data9[i0];
const _errs22 = errors;
if(errors === _errs22){
if(data10 && typeof data10 == "object" && !Array.isArray(data10)){
let missing2;
if((((data10.gateway === undefined) && (missing2 = "gateway")) || ((data10.device === undefined) && (missing2 = "device"))) || ((data10.weight === undefined) && (missing2 = "weight"))){
validate43.errors = [{instancePath:instancePath+"/route/nextHops/" + i0,schemaPath:"#/$defs/route/properties/nextHops/items/required",keyword:"required",params:{missingProperty: missing2},message:"must have required property '"+missing2+"'"}];
return false;
}
else {
if(data10.gateway !== undefined){
let data11 = data10.gateway;
const _errs24 = errors;
if((typeof data11 !== "string") && (data11 !== null)){
validate43.errors = [{instancePath:instancePath+"/route/nextHops/" + i0+"/gateway",schemaPath:"#/$defs/route/properties/nextHops/items/properties/gateway/type",keyword:"type",params:{type: schema44.properties.nextHops.items.properties.gateway.type},message:"must be string,null"}];
return false;
}
var valid4 = _errs24 === errors;
}
else {
var valid4 = true;
}
if(valid4){
if(data10.device !== undefined){
let data12 = data10.device;
const _errs26 = errors;
if((typeof data12 !== "string") && (data12 !== null)){
validate43.errors = [{instancePath:instancePath+"/route/nextHops/" + i0+"/device",schemaPath:"#/$defs/route/properties/nextHops/items/properties/device/type",keyword:"type",params:{type: schema44.properties.nextHops.items.properties.device.type},message:"must be string,null"}];
return false;
}
var valid4 = _errs26 === errors;
}
else {
var valid4 = true;
}
if(valid4){
if(data10.weight !== undefined){
let data13 = data10.weight;
const _errs28 = errors;
if(!(((typeof data13 == "number") && (!(data13 % 1) && !isNaN(data13))) && (isFinite(data13)))){
validate43.errors = [{instancePath:instancePath+"/route/nextHops/" + i0+"/weight",schemaPath:"#/$defs/route/properties/nextHops/items/properties/weight/type",keyword:"type",params:{type: "integer"},message:"must be integer"}];
return false;
}
var valid4 = _errs28 === errors;
}
else {
var valid4 = true;
}
}
}
}
}
else {
validate43.errors = [{instancePath:instancePath+"/route/nextHops/" + i0,schemaPath:"#/$defs/route/properties/nextHops/items/type",keyword:"type",params:{type: "object"},message:"must be object"}];
return false;
}
}
var valid3 = _errs22 === errors;
if(!valid3){
break;
}
}
}
else {
validate43.errors = [{instancePath:instancePath+"/route/nextHops",schemaPath:"#/$defs/route/properties/nextHops/type",keyword:"type",params:{type: "array"},message:"must be array"}];
return false;
}
}
var valid2 = _errs20 === errors;
}
else {
var valid2 = true;
}
}
}
}
}
}
}
}
}
}
}
else {
validate43.errors = [{instancePath:instancePath+"/route",schemaPath:"#/$defs/route/type",keyword:"type",params:{type: "object"},message:"must be object"}];
return false;
}
}
var valid0 = _errs1 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.reason !== undefined){
const _errs30 = errors;
if(typeof data.reason !== "string"){
validate43.errors = [{instancePath:instancePath+"/reason",schemaPath:"#/properties/reason/type",keyword:"type",params:{type: "string"},message:"must be string"}];
return false;
}
var valid0 = _errs30 === errors;
}
else {
var valid0 = true;
}
}
}
}
else {
validate43.errors = [{instancePath,schemaPath:"#/type",keyword:"type",params:{type: "object"},message:"must be object"}];
return false;
}
}
validate43.errors = vErrors;
return errors === 0;
}
validate43.evaluated = {"props":{"route":true,"reason":true},"dynamicProps":false,"dynamicItems":false};

const schema67 = {"type":"object","required":["code","severity","summary","cause","fix"],"properties":{"code":{"type":"string"},"severity":{"enum":["error","warning"]},"summary":{"type":"string"},"cause":{"type":"string"},"fix":{"type":"string"},"command":{"type":"string"},"at":{"$ref":"#/$defs/position"},"profile":{"type":"string"}}};

function validate45(data, {instancePath="", parentData, parentDataProperty, rootData=data, dynamicAnchors={}}={}){
let vErrors = null;
let errors = 0;
const evaluated0 = validate45.evaluated;
if(evaluated0.dynamicProps){
evaluated0.props = undefined;
}
if(evaluated0.dynamicItems){
evaluated0.items = undefined;
}
if(errors === 0){
if(data && typeof data == "object" && !Array.isArray(data)){
let missing0;
if((((((data.code === undefined) && (missing0 = "code")) || ((data.severity === undefined) && (missing0 = "severity"))) || ((data.summary === undefined) && (missing0 = "summary"))) || ((data.cause === undefined) && (missing0 = "cause"))) || ((data.fix === undefined) && (missing0 = "fix"))){
validate45.errors = [{instancePath,schemaPath:"#/required",keyword:"required",params:{missingProperty: missing0},message:"must have required property '"+missing0+"'"}];
return false;
}
else {
if(data.code !== undefined){
const _errs1 = errors;
if(typeof data.code !== "string"){
validate45.errors = [{instancePath:instancePath+"/code",schemaPath:"#/properties/code/type",keyword:"type",params:{type: "string"},message:"must be string"}];
return false;
}
var valid0 = _errs1 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.severity !== undefined){
let data1 = data.severity;
const _errs3 = errors;
if(!((data1 === "error") || (data1 === "warning"))){
validate45.errors = [{instancePath:instancePath+"/severity",schemaPath:"#/properties/severity/enum",keyword:"enum",params:{allowedValues: schema67.properties.severity.enum},message:"must be equal to one of the allowed values"}];
return false;
}
var valid0 = _errs3 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.summary !== undefined){
const _errs4 = errors;
if(typeof data.summary !== "string"){
validate45.errors = [{instancePath:instancePath+"/summary",schemaPath:"#/properties/summary/type",keyword:"type",params:{type: "string"},message:"must be string"}];
return false;
}
var valid0 = _errs4 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.cause !== undefined){
const _errs6 = errors;
if(typeof data.cause !== "string"){
validate45.errors = [{instancePath:instancePath+"/cause",schemaPath:"#/properties/cause/type",keyword:"type",params:{type: "string"},message:"must be string"}];
return false;
}
var valid0 = _errs6 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.fix !== undefined){
const _errs8 = errors;
if(typeof data.fix !== "string"){
validate45.errors = [{instancePath:instancePath+"/fix",schemaPath:"#/properties/fix/type",keyword:"type",params:{type: "string"},message:"must be string"}];
return false;
}
var valid0 = _errs8 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.command !== undefined){
const _errs10 = errors;
if(typeof data.command !== "string"){
validate45.errors = [{instancePath:instancePath+"/command",schemaPath:"#/properties/command/type",keyword:"type",params:{type: "string"},message:"must be string"}];
return false;
}
var valid0 = _errs10 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.at !== undefined){
let data6 = data.at;
const _errs12 = errors;
const _errs13 = errors;
if(errors === _errs13){
if(data6 && typeof data6 == "object" && !Array.isArray(data6)){
let missing1;
if((((data6.file === undefined) && (missing1 = "file")) || ((data6.line === undefined) && (missing1 = "line"))) || ((data6.column === undefined) && (missing1 = "column"))){
validate45.errors = [{instancePath:instancePath+"/at",schemaPath:"#/$defs/position/required",keyword:"required",params:{missingProperty: missing1},message:"must have required property '"+missing1+"'"}];
return false;
}
else {
if(data6.file !== undefined){
const _errs15 = errors;
if(typeof data6.file !== "string"){
validate45.errors = [{instancePath:instancePath+"/at/file",schemaPath:"#/$defs/position/properties/file/type",keyword:"type",params:{type: "string"},message:"must be string"}];
return false;
}
var valid2 = _errs15 === errors;
}
else {
var valid2 = true;
}
if(valid2){
if(data6.line !== undefined){
let data8 = data6.line;
const _errs17 = errors;
if(!(((typeof data8 == "number") && (!(data8 % 1) && !isNaN(data8))) && (isFinite(data8)))){
validate45.errors = [{instancePath:instancePath+"/at/line",schemaPath:"#/$defs/position/properties/line/type",keyword:"type",params:{type: "integer"},message:"must be integer"}];
return false;
}
if(errors === _errs17){
if((typeof data8 == "number") && (isFinite(data8))){
if(data8 < 1 || isNaN(data8)){
validate45.errors = [{instancePath:instancePath+"/at/line",schemaPath:"#/$defs/position/properties/line/minimum",keyword:"minimum",params:{comparison: ">=", limit: 1},message:"must be >= 1"}];
return false;
}
}
}
var valid2 = _errs17 === errors;
}
else {
var valid2 = true;
}
if(valid2){
if(data6.column !== undefined){
let data9 = data6.column;
const _errs19 = errors;
if(!(((typeof data9 == "number") && (!(data9 % 1) && !isNaN(data9))) && (isFinite(data9)))){
validate45.errors = [{instancePath:instancePath+"/at/column",schemaPath:"#/$defs/position/properties/column/type",keyword:"type",params:{type: "integer"},message:"must be integer"}];
return false;
}
if(errors === _errs19){
if((typeof data9 == "number") && (isFinite(data9))){
if(data9 < 1 || isNaN(data9)){
validate45.errors = [{instancePath:instancePath+"/at/column",schemaPath:"#/$defs/position/properties/column/minimum",keyword:"minimum",params:{comparison: ">=", limit: 1},message:"must be >= 1"}];
return false;
}
}
}
var valid2 = _errs19 === errors;
}
else {
var valid2 = true;
}
}
}
}
}
else {
validate45.errors = [{instancePath:instancePath+"/at",schemaPath:"#/$defs/position/type",keyword:"type",params:{type: "object"},message:"must be object"}];
return false;
}
}
var valid0 = _errs12 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.profile !== undefined){
const _errs21 = errors;
if(typeof data.profile !== "string"){
validate45.errors = [{instancePath:instancePath+"/profile",schemaPath:"#/properties/profile/type",keyword:"type",params:{type: "string"},message:"must be string"}];
return false;
}
var valid0 = _errs21 === errors;
}
else {
var valid0 = true;
}
}
}
}
}
}
}
}
}
}
else {
validate45.errors = [{instancePath,schemaPath:"#/type",keyword:"type",params:{type: "object"},message:"must be object"}];
return false;
}
}
validate45.errors = vErrors;
return errors === 0;
}
validate45.evaluated = {"props":{"code":true,"severity":true,"summary":true,"cause":true,"fix":true,"command":true,"at":true,"profile":true},"dynamicProps":false,"dynamicItems":false};


function validate21(data, {instancePath="", parentData, parentDataProperty, rootData=data, dynamicAnchors={}}={}){
let vErrors = null;
let errors = 0;
const evaluated0 = validate21.evaluated;
if(evaluated0.dynamicProps){
evaluated0.props = undefined;
}
if(evaluated0.dynamicItems){
evaluated0.items = undefined;
}
if(errors === 0){
if(data && typeof data == "object" && !Array.isArray(data)){
let missing0;
if((((((((((((((((data.name === undefined) && (missing0 = "name")) || ((data.spec === undefined) && (missing0 = "spec"))) || ((data.mode === undefined) && (missing0 = "mode"))) || ((data.platform === undefined) && (missing0 = "platform"))) || ((data.profiles === undefined) && (missing0 = "profiles"))) || ((data.services === undefined) && (missing0 = "services"))) || ((data.steps === undefined) && (missing0 = "steps"))) || ((data.reports === undefined) && (missing0 = "reports"))) || ((data.waves === undefined) && (missing0 = "waves"))) || ((data.conflicts === undefined) && (missing0 = "conflicts"))) || ((data.approvals === undefined) && (missing0 = "approvals"))) || ((data.unproven === undefined) && (missing0 = "unproven"))) || ((data.diagnostics === undefined) && (missing0 = "diagnostics"))) || ((data.localOverrides === undefined) && (missing0 = "localOverrides"))) || ((data.fingerprint === undefined) && (missing0 = "fingerprint"))){
validate21.errors = [{instancePath,schemaPath:"#/required",keyword:"required",params:{missingProperty: missing0},message:"must have required property '"+missing0+"'"}];
return false;
}
else {
if(data.name !== undefined){
const _errs1 = errors;
if(typeof data.name !== "string"){
validate21.errors = [{instancePath:instancePath+"/name",schemaPath:"#/properties/name/type",keyword:"type",params:{type: "string"},message:"must be string"}];
return false;
}
var valid0 = _errs1 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.spec !== undefined){
const _errs3 = errors;
if(typeof data.spec !== "string"){
validate21.errors = [{instancePath:instancePath+"/spec",schemaPath:"#/properties/spec/type",keyword:"type",params:{type: "string"},message:"must be string"}];
return false;
}
var valid0 = _errs3 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.mode !== undefined){
let data2 = data.mode;
const _errs5 = errors;
if(!((data2 === "present") || (data2 === "absent"))){
validate21.errors = [{instancePath:instancePath+"/mode",schemaPath:"#/properties/mode/enum",keyword:"enum",params:{allowedValues: schema33.properties.mode.enum},message:"must be equal to one of the allowed values"}];
return false;
}
var valid0 = _errs5 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.platform !== undefined){
let data3 = data.platform;
const _errs6 = errors;
if(!(((data3 === "linux") || (data3 === "darwin")) || (data3 === "win32"))){
validate21.errors = [{instancePath:instancePath+"/platform",schemaPath:"#/$defs/platform/enum",keyword:"enum",params:{allowedValues: schema32.enum},message:"must be equal to one of the allowed values"}];
return false;
}
var valid0 = _errs6 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.profiles !== undefined){
let data4 = data.profiles;
const _errs8 = errors;
if(errors === _errs8){
if(Array.isArray(data4)){
var valid2 = true;
const len0 = data4.length;
for(let i0=0; i0<len0; i0++){
const _errs10 = errors;
if(!(validate22(data4[i0], {instancePath:instancePath+"/profiles/" + i0,parentData:data4,parentDataProperty:i0,rootData,dynamicAnchors}))){
vErrors = vErrors === null ? validate22.errors : vErrors.concat(validate22.errors);
errors = vErrors.length;
}
var valid2 = _errs10 === errors;
if(!valid2){
break;
}
}
}
else {
validate21.errors = [{instancePath:instancePath+"/profiles",schemaPath:"#/properties/profiles/type",keyword:"type",params:{type: "array"},message:"must be array"}];
return false;
}
}
var valid0 = _errs8 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.services !== undefined){
let data6 = data.services;
const _errs11 = errors;
if(errors === _errs11){
if(Array.isArray(data6)){
var valid3 = true;
const len1 = data6.length;
for(let i1=0; i1<len1; i1++){
const _errs13 = errors;
if(!(validate24(data6[i1], {instancePath:instancePath+"/services/" + i1,parentData:data6,parentDataProperty:i1,rootData,dynamicAnchors}))){
vErrors = vErrors === null ? validate24.errors : vErrors.concat(validate24.errors);
errors = vErrors.length;
}
var valid3 = _errs13 === errors;
if(!valid3){
break;
}
}
}
else {
validate21.errors = [{instancePath:instancePath+"/services",schemaPath:"#/properties/services/type",keyword:"type",params:{type: "array"},message:"must be array"}];
return false;
}
}
var valid0 = _errs11 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.steps !== undefined){
let data8 = data.steps;
const _errs14 = errors;
if(errors === _errs14){
if(Array.isArray(data8)){
var valid4 = true;
const len2 = data8.length;
for(let i2=0; i2<len2; i2++){
let data9 = data8[i2];
const _errs16 = errors;
const _errs17 = errors;
let valid5 = false;
let passing0 = null;
const _errs18 = errors;
if(!(validate26(data9, {instancePath:instancePath+"/steps/" + i2,parentData:data8,parentDataProperty:i2,rootData,dynamicAnchors}))){
vErrors = vErrors === null ? validate26.errors : vErrors.concat(validate26.errors);
errors = vErrors.length;
}
var _valid0 = _errs18 === errors;
if(_valid0){
valid5 = true;
passing0 = 0;
var props0 = {};
props0.kind = true;
props0.action = true;
props0.profile = true;
props0.purpose = true;
props0.reason = true;
props0.before = true;
props0.after = true;
props0.inverse = true;
props0.precondition = true;
}
const _errs19 = errors;
if(!(validate33(data9, {instancePath:instancePath+"/steps/" + i2,parentData:data8,parentDataProperty:i2,rootData,dynamicAnchors}))){
vErrors = vErrors === null ? validate33.errors : vErrors.concat(validate33.errors);
errors = vErrors.length;
}
var _valid0 = _errs19 === errors;
if(_valid0 && valid5){
valid5 = false;
passing0 = [passing0, 1];
}
else {
if(_valid0){
valid5 = true;
passing0 = 1;
if(props0 !== true){
props0 = props0 || {};
props0.kind = true;
props0.action = true;
props0.profile = true;
props0.namespace = true;
props0.name = true;
props0.uid = true;
props0.resourceVersion = true;
props0.reason = true;
props0.before = true;
props0.after = true;
props0.inverse = true;
props0.condition = true;
props0.events = true;
}
}
}
if(!valid5){
const err0 = {instancePath:instancePath+"/steps/" + i2,schemaPath:"#/properties/steps/items/oneOf",keyword:"oneOf",params:{passingSchemas: passing0},message:"must match exactly one schema in oneOf"};
if(vErrors === null){
vErrors = [err0];
}
else {
vErrors.push(err0);
}
errors++;
validate21.errors = vErrors;
return false;
}
else {
errors = _errs17;
if(vErrors !== null){
if(_errs17){
vErrors.length = _errs17;
}
else {
vErrors = null;
}
}
}
var valid4 = _errs16 === errors;
if(!valid4){
break;
}
}
}
else {
validate21.errors = [{instancePath:instancePath+"/steps",schemaPath:"#/properties/steps/type",keyword:"type",params:{type: "array"},message:"must be array"}];
return false;
}
}
var valid0 = _errs14 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.reports !== undefined){
let data10 = data.reports;
const _errs20 = errors;
if(errors === _errs20){
if(Array.isArray(data10)){
var valid6 = true;
const len3 = data10.length;
for(let i3=0; i3<len3; i3++){
const _errs22 = errors;
if(!(validate37(data10[i3], {instancePath:instancePath+"/reports/" + i3,parentData:data10,parentDataProperty:i3,rootData,dynamicAnchors}))){
vErrors = vErrors === null ? validate37.errors : vErrors.concat(validate37.errors);
errors = vErrors.length;
}
var valid6 = _errs22 === errors;
if(!valid6){
break;
}
}
}
else {
validate21.errors = [{instancePath:instancePath+"/reports",schemaPath:"#/properties/reports/type",keyword:"type",params:{type: "array"},message:"must be array"}];
return false;
}
}
var valid0 = _errs20 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.waves !== undefined){
let data12 = data.waves;
const _errs23 = errors;
if(errors === _errs23){
if(Array.isArray(data12)){
var valid7 = true;
const len4 = data12.length;
for(let i4=0; i4<len4; i4++){
let data13 = data12[i4];
const _errs25 = errors;
if(errors === _errs25){
if(Array.isArray(data13)){
var valid8 = true;
const len5 = data13.length;
for(let i5=0; i5<len5; i5++){
let data14 = data13[i5];
const _errs27 = errors;
const _errs28 = errors;
if(errors === _errs28){
if(data14 && typeof data14 == "object" && !Array.isArray(data14)){
let missing1;
if(((data14.step === undefined) && (missing1 = "step")) || ((data14.op === undefined) && (missing1 = "op"))){
validate21.errors = [{instancePath:instancePath+"/waves/" + i4+"/" + i5,schemaPath:"#/$defs/change/required",keyword:"required",params:{missingProperty: missing1},message:"must have required property '"+missing1+"'"}];
return false;
}
else {
if(data14.step !== undefined){
let data15 = data14.step;
const _errs30 = errors;
if(!(((typeof data15 == "number") && (!(data15 % 1) && !isNaN(data15))) && (isFinite(data15)))){
validate21.errors = [{instancePath:instancePath+"/waves/" + i4+"/" + i5+"/step",schemaPath:"#/$defs/change/properties/step/type",keyword:"type",params:{type: "integer"},message:"must be integer"}];
return false;
}
if(errors === _errs30){
if((typeof data15 == "number") && (isFinite(data15))){
if(data15 < 0 || isNaN(data15)){
validate21.errors = [{instancePath:instancePath+"/waves/" + i4+"/" + i5+"/step",schemaPath:"#/$defs/change/properties/step/minimum",keyword:"minimum",params:{comparison: ">=", limit: 0},message:"must be >= 0"}];
return false;
}
}
}
var valid10 = _errs30 === errors;
}
else {
var valid10 = true;
}
if(valid10){
if(data14.op !== undefined){
let data16 = data14.op;
const _errs32 = errors;
if(!((((data16 === "clear") || (data16 === "add")) || (data16 === "delete")) || (data16 === "assign"))){
validate21.errors = [{instancePath:instancePath+"/waves/" + i4+"/" + i5+"/op",schemaPath:"#/$defs/change/properties/op/enum",keyword:"enum",params:{allowedValues: schema60.properties.op.enum},message:"must be equal to one of the allowed values"}];
return false;
}
var valid10 = _errs32 === errors;
}
else {
var valid10 = true;
}
}
}
}
else {
validate21.errors = [{instancePath:instancePath+"/waves/" + i4+"/" + i5,schemaPath:"#/$defs/change/type",keyword:"type",params:{type: "object"},message:"must be object"}];
return false;
}
}
var valid8 = _errs27 === errors;
if(!valid8){
break;
}
}
}
else {
validate21.errors = [{instancePath:instancePath+"/waves/" + i4,schemaPath:"#/properties/waves/items/type",keyword:"type",params:{type: "array"},message:"must be array"}];
return false;
}
}
var valid7 = _errs25 === errors;
if(!valid7){
break;
}
}
}
else {
validate21.errors = [{instancePath:instancePath+"/waves",schemaPath:"#/properties/waves/type",keyword:"type",params:{type: "array"},message:"must be array"}];
return false;
}
}
var valid0 = _errs23 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.conflicts !== undefined){
let data17 = data.conflicts;
const _errs33 = errors;
if(errors === _errs33){
if(Array.isArray(data17)){
var valid11 = true;
const len6 = data17.length;
for(let i6=0; i6<len6; i6++){
const _errs35 = errors;
if(!(validate40(data17[i6], {instancePath:instancePath+"/conflicts/" + i6,parentData:data17,parentDataProperty:i6,rootData,dynamicAnchors}))){
vErrors = vErrors === null ? validate40.errors : vErrors.concat(validate40.errors);
errors = vErrors.length;
}
var valid11 = _errs35 === errors;
if(!valid11){
break;
}
}
}
else {
validate21.errors = [{instancePath:instancePath+"/conflicts",schemaPath:"#/properties/conflicts/type",keyword:"type",params:{type: "array"},message:"must be array"}];
return false;
}
}
var valid0 = _errs33 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.approvals !== undefined){
let data19 = data.approvals;
const _errs36 = errors;
if(errors === _errs36){
if(Array.isArray(data19)){
var valid12 = true;
const len7 = data19.length;
for(let i7=0; i7<len7; i7++){
let data20 = data19[i7];
const _errs38 = errors;
const _errs39 = errors;
if(errors === _errs39){
if(data20 && typeof data20 == "object" && !Array.isArray(data20)){
let missing2;
if(((((data20.kind === undefined) && (missing2 = "kind")) || ((data20.profile === undefined) && (missing2 = "profile"))) || ((data20.subject === undefined) && (missing2 = "subject"))) || ((data20.why === undefined) && (missing2 = "why"))){
validate21.errors = [{instancePath:instancePath+"/approvals/" + i7,schemaPath:"#/$defs/approval/required",keyword:"required",params:{missingProperty: missing2},message:"must have required property '"+missing2+"'"}];
return false;
}
else {
if(data20.kind !== undefined){
let data21 = data20.kind;
const _errs41 = errors;
if(!(((((((data21 === "context") || (data21 === "gateway")) || (data21 === "wide")) || (data21 === "unconfirmed")) || (data21 === "covers")) || (data21 === "shadow")) || (data21 === "minikube"))){
validate21.errors = [{instancePath:instancePath+"/approvals/" + i7+"/kind",schemaPath:"#/$defs/approval/properties/kind/enum",keyword:"enum",params:{allowedValues: schema64.properties.kind.enum},message:"must be equal to one of the allowed values"}];
return false;
}
var valid14 = _errs41 === errors;
}
else {
var valid14 = true;
}
if(valid14){
if(data20.profile !== undefined){
const _errs42 = errors;
if(typeof data20.profile !== "string"){
validate21.errors = [{instancePath:instancePath+"/approvals/" + i7+"/profile",schemaPath:"#/$defs/approval/properties/profile/type",keyword:"type",params:{type: "string"},message:"must be string"}];
return false;
}
var valid14 = _errs42 === errors;
}
else {
var valid14 = true;
}
if(valid14){
if(data20.subject !== undefined){
const _errs44 = errors;
if(typeof data20.subject !== "string"){
validate21.errors = [{instancePath:instancePath+"/approvals/" + i7+"/subject",schemaPath:"#/$defs/approval/properties/subject/type",keyword:"type",params:{type: "string"},message:"must be string"}];
return false;
}
var valid14 = _errs44 === errors;
}
else {
var valid14 = true;
}
if(valid14){
if(data20.why !== undefined){
const _errs46 = errors;
if(typeof data20.why !== "string"){
validate21.errors = [{instancePath:instancePath+"/approvals/" + i7+"/why",schemaPath:"#/$defs/approval/properties/why/type",keyword:"type",params:{type: "string"},message:"must be string"}];
return false;
}
var valid14 = _errs46 === errors;
}
else {
var valid14 = true;
}
if(valid14){
if(data20.byPolicy !== undefined){
const _errs48 = errors;
if(true !== data20.byPolicy){
validate21.errors = [{instancePath:instancePath+"/approvals/" + i7+"/byPolicy",schemaPath:"#/$defs/approval/properties/byPolicy/const",keyword:"const",params:{allowedValue: true},message:"must be equal to constant"}];
return false;
}
var valid14 = _errs48 === errors;
}
else {
var valid14 = true;
}
}
}
}
}
}
}
else {
validate21.errors = [{instancePath:instancePath+"/approvals/" + i7,schemaPath:"#/$defs/approval/type",keyword:"type",params:{type: "object"},message:"must be object"}];
return false;
}
}
var valid12 = _errs38 === errors;
if(!valid12){
break;
}
}
}
else {
validate21.errors = [{instancePath:instancePath+"/approvals",schemaPath:"#/properties/approvals/type",keyword:"type",params:{type: "array"},message:"must be array"}];
return false;
}
}
var valid0 = _errs36 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.unproven !== undefined){
let data26 = data.unproven;
const _errs49 = errors;
if(errors === _errs49){
if(Array.isArray(data26)){
var valid15 = true;
const len8 = data26.length;
for(let i8=0; i8<len8; i8++){
const _errs51 = errors;
if(!(validate43(data26[i8], {instancePath:instancePath+"/unproven/" + i8,parentData:data26,parentDataProperty:i8,rootData,dynamicAnchors}))){
vErrors = vErrors === null ? validate43.errors : vErrors.concat(validate43.errors);
errors = vErrors.length;
}
var valid15 = _errs51 === errors;
if(!valid15){
break;
}
}
}
else {
validate21.errors = [{instancePath:instancePath+"/unproven",schemaPath:"#/properties/unproven/type",keyword:"type",params:{type: "array"},message:"must be array"}];
return false;
}
}
var valid0 = _errs49 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.diagnostics !== undefined){
let data28 = data.diagnostics;
const _errs52 = errors;
if(errors === _errs52){
if(Array.isArray(data28)){
var valid16 = true;
const len9 = data28.length;
for(let i9=0; i9<len9; i9++){
const _errs54 = errors;
if(!(validate45(data28[i9], {instancePath:instancePath+"/diagnostics/" + i9,parentData:data28,parentDataProperty:i9,rootData,dynamicAnchors}))){
vErrors = vErrors === null ? validate45.errors : vErrors.concat(validate45.errors);
errors = vErrors.length;
}
var valid16 = _errs54 === errors;
if(!valid16){
break;
}
}
}
else {
validate21.errors = [{instancePath:instancePath+"/diagnostics",schemaPath:"#/properties/diagnostics/type",keyword:"type",params:{type: "array"},message:"must be array"}];
return false;
}
}
var valid0 = _errs52 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.localOverrides !== undefined){
let data30 = data.localOverrides;
const _errs55 = errors;
const _errs56 = errors;
if(errors === _errs56){
if(Array.isArray(data30)){
var valid18 = true;
const len10 = data30.length;
for(let i10=0; i10<len10; i10++){
const _errs58 = errors;
if(typeof data30[i10] !== "string"){
validate21.errors = [{instancePath:instancePath+"/localOverrides/" + i10,schemaPath:"#/$defs/strings/items/type",keyword:"type",params:{type: "string"},message:"must be string"}];
return false;
}
var valid18 = _errs58 === errors;
if(!valid18){
break;
}
}
}
else {
validate21.errors = [{instancePath:instancePath+"/localOverrides",schemaPath:"#/$defs/strings/type",keyword:"type",params:{type: "array"},message:"must be array"}];
return false;
}
}
var valid0 = _errs55 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.fingerprint !== undefined){
const _errs60 = errors;
if(typeof data.fingerprint !== "string"){
validate21.errors = [{instancePath:instancePath+"/fingerprint",schemaPath:"#/properties/fingerprint/type",keyword:"type",params:{type: "string"},message:"must be string"}];
return false;
}
var valid0 = _errs60 === errors;
}
else {
var valid0 = true;
}
}
}
}
}
}
}
}
}
}
}
}
}
}
}
}
}
else {
validate21.errors = [{instancePath,schemaPath:"#/type",keyword:"type",params:{type: "object"},message:"must be object"}];
return false;
}
}
validate21.errors = vErrors;
return errors === 0;
}
validate21.evaluated = {"props":{"name":true,"spec":true,"mode":true,"platform":true,"profiles":true,"services":true,"steps":true,"reports":true,"waves":true,"conflicts":true,"approvals":true,"unproven":true,"diagnostics":true,"localOverrides":true,"fingerprint":true},"dynamicProps":false,"dynamicItems":false};


function validate20(data, {instancePath="", parentData, parentDataProperty, rootData=data, dynamicAnchors={}}={}){
/*# sourceURL="urn:mkplan:plan:1.0" */;
let vErrors = null;
let errors = 0;
const evaluated0 = validate20.evaluated;
if(evaluated0.dynamicProps){
evaluated0.props = undefined;
}
if(evaluated0.dynamicItems){
evaluated0.items = undefined;
}
if(errors === 0){
if(data && typeof data == "object" && !Array.isArray(data)){
let missing0;
if((((((data.formatVersion === undefined) && (missing0 = "formatVersion")) || ((data.kind === undefined) && (missing0 = "kind"))) || ((data.hash === undefined) && (missing0 = "hash"))) || ((data.host === undefined) && (missing0 = "host"))) || ((data.plan === undefined) && (missing0 = "plan"))){
validate20.errors = [{instancePath,schemaPath:"#/required",keyword:"required",params:{missingProperty: missing0},message:"must have required property '"+missing0+"'"}];
return false;
}
else {
if(data.formatVersion !== undefined){
let data0 = data.formatVersion;
const _errs1 = errors;
if(errors === _errs1){
if(typeof data0 === "string"){
if(!pattern4.test(data0)){
validate20.errors = [{instancePath:instancePath+"/formatVersion",schemaPath:"#/properties/formatVersion/pattern",keyword:"pattern",params:{pattern: "^1\\.[0-9]+$"},message:"must match pattern \""+"^1\\.[0-9]+$"+"\""}];
return false;
}
}
else {
validate20.errors = [{instancePath:instancePath+"/formatVersion",schemaPath:"#/properties/formatVersion/type",keyword:"type",params:{type: "string"},message:"must be string"}];
return false;
}
}
var valid0 = _errs1 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.kind !== undefined){
const _errs3 = errors;
if("Plan" !== data.kind){
validate20.errors = [{instancePath:instancePath+"/kind",schemaPath:"#/properties/kind/const",keyword:"const",params:{allowedValue: "Plan"},message:"must be equal to constant"}];
return false;
}
var valid0 = _errs3 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.hash !== undefined){
let data2 = data.hash;
const _errs4 = errors;
if(errors === _errs4){
if(typeof data2 === "string"){
if(!pattern5.test(data2)){
validate20.errors = [{instancePath:instancePath+"/hash",schemaPath:"#/properties/hash/pattern",keyword:"pattern",params:{pattern: "^sha256:[0-9a-f]{64}$"},message:"must match pattern \""+"^sha256:[0-9a-f]{64}$"+"\""}];
return false;
}
}
else {
validate20.errors = [{instancePath:instancePath+"/hash",schemaPath:"#/properties/hash/type",keyword:"type",params:{type: "string"},message:"must be string"}];
return false;
}
}
var valid0 = _errs4 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.host !== undefined){
let data3 = data.host;
const _errs6 = errors;
if(errors === _errs6){
if(data3 && typeof data3 == "object" && !Array.isArray(data3)){
let missing1;
if((((data3.platform === undefined) && (missing1 = "platform")) || ((data3.bootId === undefined) && (missing1 = "bootId"))) || ((data3.networkNamespace === undefined) && (missing1 = "networkNamespace"))){
validate20.errors = [{instancePath:instancePath+"/host",schemaPath:"#/properties/host/required",keyword:"required",params:{missingProperty: missing1},message:"must have required property '"+missing1+"'"}];
return false;
}
else {
if(data3.platform !== undefined){
let data4 = data3.platform;
const _errs8 = errors;
if(!(((data4 === "linux") || (data4 === "darwin")) || (data4 === "win32"))){
validate20.errors = [{instancePath:instancePath+"/host/platform",schemaPath:"#/$defs/platform/enum",keyword:"enum",params:{allowedValues: schema32.enum},message:"must be equal to one of the allowed values"}];
return false;
}
var valid1 = _errs8 === errors;
}
else {
var valid1 = true;
}
if(valid1){
if(data3.bootId !== undefined){
const _errs10 = errors;
if(typeof data3.bootId !== "string"){
validate20.errors = [{instancePath:instancePath+"/host/bootId",schemaPath:"#/properties/host/properties/bootId/type",keyword:"type",params:{type: "string"},message:"must be string"}];
return false;
}
var valid1 = _errs10 === errors;
}
else {
var valid1 = true;
}
if(valid1){
if(data3.networkNamespace !== undefined){
const _errs12 = errors;
if(typeof data3.networkNamespace !== "string"){
validate20.errors = [{instancePath:instancePath+"/host/networkNamespace",schemaPath:"#/properties/host/properties/networkNamespace/type",keyword:"type",params:{type: "string"},message:"must be string"}];
return false;
}
var valid1 = _errs12 === errors;
}
else {
var valid1 = true;
}
}
}
}
}
else {
validate20.errors = [{instancePath:instancePath+"/host",schemaPath:"#/properties/host/type",keyword:"type",params:{type: "object"},message:"must be object"}];
return false;
}
}
var valid0 = _errs6 === errors;
}
else {
var valid0 = true;
}
if(valid0){
if(data.plan !== undefined){
const _errs14 = errors;
if(!(validate21(data.plan, {instancePath:instancePath+"/plan",parentData:data,parentDataProperty:"plan",rootData,dynamicAnchors}))){
vErrors = vErrors === null ? validate21.errors : vErrors.concat(validate21.errors);
errors = vErrors.length;
}
var valid0 = _errs14 === errors;
}
else {
var valid0 = true;
}
}
}
}
}
}
}
else {
validate20.errors = [{instancePath,schemaPath:"#/type",keyword:"type",params:{type: "object"},message:"must be object"}];
return false;
}
}
validate20.errors = vErrors;
return errors === 0;
}
validate20.evaluated = {"props":{"formatVersion":true,"kind":true,"hash":true,"host":true,"plan":true},"dynamicProps":false,"dynamicItems":false};

